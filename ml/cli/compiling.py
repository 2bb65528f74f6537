"""The command that compiles a stored model, so that it answers without TensorFlow."""

import argparse
from pathlib import Path

from ml.cli.terminal import tell
from ml.errors import ArtifactError


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register this module's command."""
    compile_ = commands.add_parser("compile", help="make a stored model's graph for LiteRT")
    compile_.add_argument("--model", type=Path, required=True, help="folder of the model")
    compile_.add_argument(
        "--precision", choices=("float32", "int8"), default="float32", help="of the arithmetic"
    )
    compile_.set_defaults(run=_compile)


def _compile(options: argparse.Namespace) -> int:
    from ml import artifacts, compiling
    from ml.quiet import import_tensorflow

    spec = artifacts.verify(options.model)
    artifacts.require_network(spec)
    if not compiling.can_compile(spec):
        raise ArtifactError(
            "no_linear_head",
            f"Networks of the architecture {spec.architecture} run by TensorFlow alone: the "
            "gradient that explains them depends on the image.",
        )
    import_tensorflow()
    spec = compiling.compile_stored(options.model, options.precision)
    tell(f"compiled {spec.name}: {spec.graph_file}, sha256 {spec.graph_sha256}")
    return 0
