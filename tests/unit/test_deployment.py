"""What lies in `deploy` names metrics, options, versions, ports and folders that there are, and agrees with itself."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytest.importorskip("fastapi")

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
GUIDE = ROOT / "docs" / "deploy.md"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "shelfmind.json"
EXTRAS = ("onnx", "openvino", "s3")
OF_PROMETHEUS = {"instance", "job", "le", "namespace", "pod"}
"""Labels that Prometheus adds, or the operator's."""
SELECTOR = re.compile(r"(shelfmind_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
COMMAND = re.compile(r"(?:shelfmind|shelfmind:[\w.-]+) ((?:serve|keys|gallery|export) [^`|>#\n]+)")


def documents(path: str) -> list[Any]:
    """What a YAML file holds."""
    return list(yaml.safe_load_all((DEPLOY / path).read_text(encoding="utf-8")))


def document(path: str) -> Any:
    """The only one."""
    (found,) = documents(path)
    return found


@cache
def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: each with what follows it."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name]


def instruction(name: str) -> str:
    """The last one of this name."""
    return [rest for each, rest in instructions() if each == name][-1]


def expressions() -> Iterator[str]:
    """All PromQL there is."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in board["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (each["definition"] for each in board["templating"]["list"] if "definition" in each)
    for group in document("prometheus/alerts.yaml")["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for rule in document("kubernetes/monitoring/prometheus-adapter.yaml")["rules"]["custom"]:
        yield rule["seriesQuery"]
        yield rule["metricsQuery"].replace("<<.Series>>", rule["seriesQuery"].partition("{")[0])


@cache
def exposed() -> dict[str, set[str]]:
    """The service's series, as Prometheus sees them, with their labels."""
    from prometheus_client.metrics import MetricWrapperBase

    from shelfmind.serving.metrics import Metrics

    found: dict[str, set[str]] = {}
    for each in vars(Metrics()).values():
        if isinstance(each, MetricWrapperBase):
            (family,) = each.describe()
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            found |= {family.name + ending: set(each._labelnames) for ending in endings}
    return found


def test_queries_ask_for_metrics_and_labels_that_there_are() -> None:
    asked = [(name, selector) for each in expressions() for name, selector in SELECTOR.findall(each)]
    assert len(asked) > 40
    assert {name for name, _ in asked} - exposed().keys() == set()
    for name, selector in asked:
        assert {label for label, _ in MATCHER.findall(selector)} <= exposed()[name] | OF_PROMETHEUS, name


def test_values_that_queries_ask_for_are_given_somewhere() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "src/shelfmind/serving").rglob("*.py")]
    levels = (ROOT / "src/shelfmind/recognition/rule.py").read_text(encoding="utf-8")
    said = "\n".join([*sources, levels])
    for each in expressions():
        for label, value in MATCHER.findall(each):
            if label in ("reason", "outcome", "result", "route"):
                for one in value.split("|"):
                    assert f'"{one}"' in said, f'{label}="{one}"'


def test_every_metric_is_on_the_dashboard() -> None:
    shown = DASHBOARD.read_text(encoding="utf-8")
    families = {re.sub("_(total|bucket|sum|count)$", "", name) for name in exposed()}
    assert {family for family in families if family not in shown} == set()


def test_panels_take_the_chosen_source_and_lie_beside_each_other() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert all(each["datasource"]["uid"] == "${datasource}" for each in panel.get("targets", []))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def commands() -> dict[str, list[str]]:
    """What is run, by where that stands: the words after `shelfmind`."""
    compose = document("compose.yaml")["services"]["shelfmind"]
    options = re.findall(r"^#? ?SHELFMIND_OPTIONS=(.*)$", (DEPLOY / "systemd/shelfmind.env").read_text(), re.MULTILINE)
    unit = dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / "systemd/shelfmind.service").read_text(), re.MULTILINE))
    _, verb, model, rest = unit["ExecStart"].split()
    assert (model, rest) == ("${SHELFMIND_MODEL}", "$SHELFMIND_OPTIONS")
    (container,) = document("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["valueFrom"]["configMapKeyRef"]["key"] for each in container["env"]}
    values = document("kubernetes/config.yaml")["data"]
    found = {
        "Dockerfile": json.loads(instruction("CMD")),
        "compose": shlex.split(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", compose["command"])),
        "kubernetes": [
            re.sub(r"\$\((\w+)\)", lambda match: values[variables[match[1]]], word) for word in container["args"]
        ],
    }
    found |= {f"systemd {line}": [verb, "model.onnx", *shlex.split(line)] for line in options}
    texts = [GUIDE, *(DEPLOY / "kubernetes").rglob("*.yaml"), DEPLOY / "compose.yaml"]
    for path in texts:
        for line in COMMAND.findall(path.read_text(encoding="utf-8")):
            found[f"{path.name} {line}"] = shlex.split(line)
    return found


def test_commands_have_options_that_there_are() -> None:
    from shelfmind.cli.commands import full_command
    from shelfmind.verbs import VERBS, command_words

    verbs = {tuple(command_words(name)): name for name in VERBS}
    found = commands()
    assert len(found) > 8
    for where, words in found.items():
        name = next(verbs[tuple(words[:count])] for count in (2, 1) if tuple(words[:count]) in verbs)
        command = full_command(name)
        command.make_context(where, list(words[len(command_words(name)) :]))


def test_an_option_that_is_gone_would_be_found() -> None:
    from shelfmind.cli.commands import full_command

    with pytest.raises(Exception, match="no-such-option"):
        full_command("serve").make_context("serve", ["model.onnx", "--no-such-option"])


def test_variables_are_read_somewhere() -> None:
    said = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    unit = (DEPLOY / "systemd/shelfmind.service").read_text(encoding="utf-8")
    named = set(re.findall(r"(SHELFMIND_\w+)=", instruction("ENV") + unit))
    assert named == {"SHELFMIND_CACHE", "SHELFMIND_STATE"}
    assert {name for name in named if f'"{name}"' not in said} == set()


def test_versions_are_those_of_the_project() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]
    assert f'image.version="{version}"' in instruction("LABEL")
    services = document("compose.yaml")["services"]
    assert services["shelfmind"]["image"] == f"shelfmind:{version}"
    (image,) = document("kubernetes/kustomization.yaml")["images"]
    assert image["newTag"] == version
    for text in (GUIDE.read_text(encoding="utf-8"), (DEPLOY / "Dockerfile").read_text(encoding="utf-8")):
        assert set(re.findall(r"shelfmind:(\d[\w.]*)", text)) == {version}


def test_foreign_images_are_pinned_by_version() -> None:
    services = document("compose.yaml")["services"]
    foreign = [each["image"] for name, each in services.items() if name != "shelfmind"]
    foreign += [rest.partition("=")[2] for name, rest in instructions() if name == "ARG" and rest.startswith("BASE")]
    assert len(foreign) == 3
    for image in foreign:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?", image), image


def test_ports_folders_and_owners_agree() -> None:
    from shelfmind.requests.serving import ServeRequest

    port = ServeRequest.model_fields["port"].default
    assert instruction("EXPOSE") == str(port)
    assert f":{port}/readyz" in instruction("HEALTHCHECK")
    service = document("compose.yaml")["services"]["shelfmind"]
    assert service["ports"][0].endswith(f":{port}:{port}")
    (scraped,) = document("prometheus/prometheus.yaml")["scrape_configs"]
    assert scraped["static_configs"][0]["targets"] == [f"shelfmind:{port}"]
    pod = document("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    assert document("kubernetes/network-policy.yaml")["spec"]["ingress"] == [{"ports": [{"port": port}]}]
    folders = {"/models", "/galleries", "/state"}
    assert folders <= set(re.findall(r"/\w+", instruction("RUN")))
    assert {
        each.rpartition(":")[2] if "ro" not in each else each.split(":")[1] for each in service["volumes"]
    } == folders
    assert {each["mountPath"] for each in container["volumeMounts"]} == folders | {"/tmp"}
    user = pod["securityContext"]
    assert instruction("USER") == f"{user['runAsUser']}:{user['runAsGroup']}"
    assert document("kubernetes/toolbox.yaml")["spec"]["securityContext"] == user


def test_what_was_taken_has_time_to_be_answered() -> None:
    from shelfmind.serving.workers import PATIENCE_S

    pod = document("kubernetes/deployment.yaml")["spec"]["template"]["spec"]
    pause_s = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] - pause_s > PATIENCE_S
    assert int(document("compose.yaml")["services"]["shelfmind"]["stop_grace_period"].rstrip("s")) > PATIENCE_S
    unit = (DEPLOY / "systemd/shelfmind.service").read_text(encoding="utf-8")
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) > PATIENCE_S


def test_probes_need_no_key() -> None:
    from shelfmind.serving.gate import PROBES

    (container,) = document("kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    asked = {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert asked == PROBES


def test_the_autoscaler_follows_what_the_adapter_gives() -> None:
    (metric,) = document("kubernetes/autoscaler.yaml")["spec"]["metrics"]
    (rule,) = document("kubernetes/monitoring/prometheus-adapter.yaml")["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    assert rule["name"]["as"] in exposed()


def test_manifests_are_listed_and_select_the_servers() -> None:
    listed = set(document("kubernetes/kustomization.yaml")["resources"])
    assert listed | {"kustomization.yaml"} == {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    template = document("kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    selectors = [document("kubernetes/deployment.yaml")["spec"]["selector"]["matchLabels"]]
    selectors.append(document("kubernetes/service.yaml")["spec"]["selector"])
    selectors.append(document("kubernetes/disruption-budget.yaml")["spec"]["selector"]["matchLabels"])
    assert selectors == [template] * 3
    assert template.items() != document("kubernetes/toolbox.yaml")["metadata"]["labels"].items()


def test_the_image_is_built_of_what_the_context_has() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    admitted = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word for name, rest in instructions() if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]
    }
    assert copied == admitted
    assert all((ROOT / each).exists() for each in admitted)


def entries(path: Path) -> dict[tuple[str, str], frozenset[str]]:
    """The hashes of a lock, by name and version."""
    parts = re.split(r"\n(?=[a-z])", path.read_text(encoding="utf-8"))[1:]
    return {
        tuple(re.split(r" |;", part)[0].split("==")): frozenset(re.findall(r"sha256:[0-9a-f]{64}", part))  # type: ignore[misc]
        for part in parts
    }


def declared(name: str) -> list[str]:
    """A list of requirements in pyproject.toml: `dependencies`, or an extra's."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf"^{name} = (\[.*\]|\[\n(?: .*\n)*\])$", text, re.MULTILINE)
    assert found is not None
    return list(ast.literal_eval(found[1]))


def needed(requirements: Iterable[str], extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all that these bring, by the metadata of what is installed here."""
    for text in requirements:
        each = Requirement(text)
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield canonicalize_name(each.name)
            yield from needed(requires(each.name) or (), frozenset(each.extras))


@pytest.mark.parametrize("extra", [*EXTRAS, "build"])
def test_locks_are_parts_of_the_whole(extra: str) -> None:
    whole, part = entries(ROOT / "requirements.lock"), entries(DEPLOY / "locks" / f"{extra}.lock")
    assert part.items() <= whole.items()
    assert all(part.values())
    names = {name for name, _ in part}
    assert not {"mindspore", "scipy", "scikit-learn"} & names
    if extra != "build":
        wanted = set(needed([*declared("dependencies"), *declared("serve"), *declared(extra)]))
        assert len(wanted) > 20
        assert wanted - names <= {"exceptiongroup"}  # of Python 3.10
