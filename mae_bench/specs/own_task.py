"""A task that a study defines itself, over the user's own files."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mae_bench.specs.base import Frozen, InWords, Name

_Path = Annotated[str, Field(pattern=r"\S"), InWords("a file: .csv, .tsv, .jsonl or .parquet")]
_Column = Annotated[str, Field(min_length=1), InWords("the name of a column")]


class OwnTask(Frozen):
    """A task over the user's own files: CSV, TSV, JSON lines or parquet, also compressed.

    Rows without a label or without text are left out, and counted. Parts that are not given are
    carved by content hash: test is a fifth of the texts of train, selection a tenth of the rest
    (at most 500).

    Attributes:
        name: of the task in tables and claims.
        kind: a name that `mae-bench list kinds` shows.
        data: one file, or a folder with a file for each part: train.csv, test.csv, selection.csv
            (or validation.csv, dev.csv). Paths are relative to the study's file.
        train: file of the training part, where each part has a file.
        test: file of the test part.
        selection: file of the part that hyper-parameters are chosen on.
        text: column with the text; a list of columns for kinds that read several.
        options: columns with the options of ``choice``: one an option, which may be empty, or one
            that holds lists.
        label: column with the label: of ``tag`` and ``multilabel`` a list, of ``span`` a mapping
            of ``text`` and ``answer_start``, of ``choice`` the right option's text or its place
            from 0, of ``rank`` the relevant text, or a list of these. ``language_model`` has none,
            ``minimal_pair`` the name of a group, or none; all rows of these two are the test.
        split: column that says ``train``, ``test`` or ``selection`` (or ``validation``, ``dev``).
        metrics: the one that decides first; left out, the usual ones of the kind.
        classes: names of the classes in an order of your own, of which F1 of two classes takes
            the second as positive; left out, those in the data, sorted. Of ``rank`` all
            candidates, of ``choice`` what stands for the first option, the second and so on.
        detected: of ``detect``, the labels that are to be told from all others; left out, the
            second of two classes.
        separator: between the fields of a CSV file; left out, the one of comma, semicolon, tab
            and bar that gives the columns named here.
        quotes: whether quotation marks around a field of a CSV file belong to the file's form;
            false where they are plain characters of the text.
        language: of the texts, as ISO 639.
        licence: of the data.
    """

    name: Name
    kind: Annotated[str, InWords("a kind of task, such as classify, pair or regress")]
    data: _Path | None = None
    train: _Path | None = None
    test: _Path | None = None
    selection: _Path | None = None
    text: Annotated[
        tuple[_Column, ...], Field(min_length=1), InWords("a column, or a list of columns")
    ]
    options: tuple[_Column, ...] = ()
    label: _Column | None = None
    split: _Column | None = None
    metrics: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    detected: tuple[str, ...] = ()
    separator: (
        Annotated[str, Field(min_length=1, max_length=1), InWords("one character")] | None
    ) = None
    quotes: bool = True
    language: str = "und"
    licence: str = "your own"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.data is None) == (self.train is None):
            got = "both" if self.data else "neither"
            raise ValueError(
                f"it must name its files by `data` or by `train`, got {got}; write `data:` for one "
                "file or a folder, or `train:` with `test:` for a file each"
            )
        if self.data is not None and (self.test or self.selection):
            raise ValueError(
                "`test` and `selection` go with `train`, got `data`; write `train:` in its place"
            )
        if self.split is not None and self.data is None:
            raise ValueError(
                f"`split: {self.split}` says which row of one file belongs where, got a file for "
                "each part; leave one of them out"
            )
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(
                f"`classes` must name each class once, got {', '.join(self.classes)}; drop the copy"
            )
        twice = sorted({c for c in self.columns if self.columns.count(c) > 1})
        if twice:
            raise ValueError(
                f"column '{twice[0]}' is named twice among text, options, label and "
                "split; each must be a column of its own"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        more = [name for name in (self.label, self.split) if name is not None]
        return (*self.text, *self.options, *more)
