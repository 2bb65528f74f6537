"""Every expected failure of the science is a code for programs and a sentence for people."""


class MlError(Exception):
    """Base of all expected errors of `ml`.

    Args:
        code: Short stable name in snake_case, for programs and translations.
        sentence: One sentence that a person can act on.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence

    def __reduce__(self) -> tuple[type["MlError"], tuple[str, str]]:
        """Let the error cross a process boundary with both of its parts."""
        return type(self), (self.code, self.sentence)


class ContractError(MlError):
    """A value of the contract lies outside what is allowed."""


class ImageReadError(MlError):
    """An image cannot be brought to the form that the network takes."""


class DatasetError(MlError):
    """A folder or archive of labelled images cannot be used."""


class ArtifactError(MlError):
    """A stored model is missing, damaged or not one that this version can run."""


class TrainingError(MlError):
    """A training run cannot start or go on."""


class PhotoError(MlError):
    """Pictures do not allow a model of the photo track to be fitted."""
