"""TensorFlow comes in silence, and what we say ourselves is still heard."""

import subprocess
import sys

SCRIPT = """
import sys
from ml.quiet import import_tensorflow
import_tensorflow()
import tensorflow
tensorflow.constant(1.0) + 1.0
print("our own words", file=sys.stderr)
"""


def test_only_our_own_words_reach_standard_error() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert ended.stderr == "our own words\n"
