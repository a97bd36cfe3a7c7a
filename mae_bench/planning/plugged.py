"""Parts of other packages in the stages of a plan, and whether their source has changed since."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mae_bench.backbones import BACKBONES
from mae_bench.plugins import Plugin, source_digest
from mae_bench.specs import BackboneSpec, CorpusSpec, EvaluateSpec
from mae_bench.store.artefact import read_about

if TYPE_CHECKING:
    from mae_bench.planning.plan import Plan
    from mae_bench.store.store import Store


def objective_plugins(objective: str, options: Mapping[str, object]) -> tuple[Plugin, ...]:
    """Return the objectives and masking schemes of other packages, those of parts among them."""
    from mae_bench.masking import MASKINGS
    from mae_bench.objectives.base import OBJECTIVES

    names = dict.fromkeys((objective, *_names(options)))
    registered = [registry.plugin(name) for registry in (OBJECTIVES, MASKINGS) for name in names]
    return tuple(plugin for plugin in registered if plugin)


def backbone_plugins(spec: BackboneSpec) -> tuple[Plugin, ...]:
    """Return the architecture, if it is of another package."""
    plugin = BACKBONES.plugin(spec.arch)
    return (plugin,) if plugin else ()


def corpus_plugins(corpus: CorpusSpec) -> tuple[Plugin, ...]:
    """Return the corpora of other packages."""
    from mae_bench.data.corpus import CORPORA

    registered = [CORPORA.plugin(name) for name in corpus.sources]
    return tuple(plugin for plugin in registered if plugin)


def noise_plugins(spec: EvaluateSpec) -> tuple[Plugin, ...]:
    """Return the noises of other packages."""
    from mae_bench.data.noise import NOISES

    names = dict.fromkeys(noise.name for noise in (spec.train_noise, *spec.test_noises))
    return tuple(plugin for plugin in map(NOISES.plugin, names) if plugin)


def kind_plugin(task: str | None) -> tuple[Plugin, ...]:
    """Return the task's kind, if it is of another package; its version is in the id of the data."""
    from mae_bench.tasks import KINDS, TASKS

    plugin = None if task is None else KINDS.plugin(TASKS.get(task).kind)
    return (plugin,) if plugin else ()


def metric_plugins(spec: EvaluateSpec) -> tuple[Plugin, ...]:
    """Return the task's metrics of other packages; their versions are in the id of its data."""
    from mae_bench.tasks.base import TASKS
    from mae_bench.tasks.metrics import METRICS

    names = () if spec.task is None else TASKS.get(spec.task).metrics
    return tuple(plugin for plugin in map(METRICS.plugin, names) if plugin)


def protocol_plugin(spec: EvaluateSpec) -> tuple[Plugin, ...]:
    """Return the protocol, if it is of another package; its version is in the id anyway."""
    from mae_bench.protocols.base import PROTOCOLS

    plugin = PROTOCOLS.plugin(spec.protocol)
    return (plugin,) if plugin else ()


def sources_of(plugins: tuple[Plugin, ...]) -> dict[str, str]:
    """Return a hash of the source of each part, as it is recorded beside an artefact."""
    return {plugin.what: source_digest(plugin.module) for plugin in plugins}


def changed_sources(plan: "Plan", store: "Store") -> list[str]:
    """Return a sentence for each part whose source is not that of results which are used again."""
    changed: dict[Plugin, int] = {}
    for stage in plan.stages:
        if not stage.plugins or not store.is_done(*stage.key):
            continue
        before = read_about(store.path(*stage.key)).get("sources", {})
        now = sources_of(stage.plugins)
        for plugin in stage.plugins:
            if plugin.what in before and before[plugin.what] != now[plugin.what]:
                changed[plugin] = changed.get(plugin, 0) + 1
    return [
        f"the source of {plugin.what} (in {plugin.module}) has changed since {count:,} of the "
        f"results were made that are used again; its version is still {plugin.version}: raise it "
        "if numbers may move, and they are made again"
        for plugin, count in changed.items()
    ]


def _names(value: object) -> Iterator[str]:
    """Yield the texts inside options, keys too: parts are written under their objective."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _names(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _names(item)
