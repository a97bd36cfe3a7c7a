"""Arms that nobody pretrains here: their checks, their ids, and what limits their texts."""

from pathlib import Path

from mae_bench.backbones import BACKBONES, find_architecture, num_positions
from mae_bench.data.encoder_files import (
    check_encoder_files,
    encoder_digest,
    read_config,
)
from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.stage import Key, StageBuilder
from mae_bench.specs import OUTSIDE, ArmSpec, EncoderSpec, Study
from mae_bench.user_paths import is_folder, user_path

BACKBONE = "backbone.max_length"  # a key of `length_limits`


def outside_arm(encoder: EncoderSpec) -> ArmSpec:
    """Return what rows say of an encoder: no objective of this suite, and where it came from."""
    return ArmSpec(objective=OUTSIDE, options={"from": encoder.origin}, label=encoder.label)


def folder_of(encoder: EncoderSpec) -> Path | None:
    """Return the folder of an encoder; None of one that a stage fetches from the Hub."""
    return None if parse_hub_encoder(encoder.origin) else user_path(encoder.origin)


def check_encoders(study: Study) -> None:
    """Check the encoders of a study as far as no network and no model is needed.

    Raises:
        SpecError: neither a folder with an encoder and its tokenizer, nor a Hub id with its
            commit; or nothing to tune.
    """
    for number, encoder in enumerate(study.encoders):
        where = f"encoders[{number}].from"
        folder = folder_of(encoder)
        if folder is None:
            continue
        if not is_folder(folder):
            raise UnknownNameError(
                f"{where} must be a folder with an encoder, or owner/name@commit on the Hub with "
                f"all 40 digits of the commit, got '{encoder.origin}'; name one of these "
                "(`mae-bench evaluate owner/name` finds the commit)",
                encoder.origin,
            )
        try:
            check_encoder_files(folder)
        except SpecError as error:
            raise SpecError(f"{where}: {error}", encoder.origin) from None
    if study.tuning is not None and not study.objectives:
        raise SpecError(
            "tuning needs objectives, whose options and rates it draws, and the study has only "
            "encoders; leave tuning out, or add an objective"
        )


def encoder_key(builder: StageBuilder, encoder: EncoderSpec) -> Key:
    """Add the stage that reads an encoder and checks it, after the one that fetches it."""
    hub = parse_hub_encoder(encoder.origin)
    label = f"encoder {encoder.label}"
    if hub is not None:
        fetched = builder.teacher(*hub)
        content = {"from": fetched[1]}
        return builder.add("encoder", content, {"from": encoder.origin}, (fetched,), label)
    folder = user_path(encoder.origin)
    digest = encoder_digest(folder)
    content = {"files": digest}
    known = find_architecture(read_config(folder))
    plugin = BACKBONES.plugin(known[0]) if known else None
    if plugin:
        content["plugin"] = f"{plugin.what} {plugin.version}"
    spec = {"from": str(folder), "files": digest}
    return builder.add("encoder", content, spec, (), label, (plugin,) if plugin else ())


def length_limits(study: Study) -> dict[str, int]:
    """Return the most tokens that each encoder of a study reads, by what sets the limit."""
    limits = {}
    if study.objectives:
        limits[BACKBONE] = study.backbone.max_length
    for encoder in study.encoders:
        folder = folder_of(encoder)
        positions = num_positions(read_config(folder)) if folder and is_folder(folder) else None
        if positions is not None:
            limits[f"the positions of encoder '{encoder.label}',"] = positions
    return limits


def left_out_protocols(study: Study) -> list[str]:
    """Return a sentence where a protocol of the study cannot read its outside encoders.

    Raises:
        SpecError: nothing else would be left to do.
    """
    from mae_bench.protocols.base import PROTOCOLS

    readers = [name for name in study.protocols if PROTOCOLS.get(name).reads_corpus]
    if not readers or not study.encoders:
        return []
    labels = ", ".join(encoder.label for encoder in study.encoders)
    why = (
        f"{', '.join(readers)} reads rows of the corpus in the study's tokenizer, and encoders "
        f"from outside have their own ({labels})"
    )
    if not study.objectives and len(readers) == len(study.protocols):
        raise SpecError(f"{why}; name a protocol that reads tasks, such as linear_probe")
    return [f"{why}: there they are left out"]
