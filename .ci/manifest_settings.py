#!/usr/bin/env python3
"""Checks what no Kubernetes schema knows: that the manifests and the service's settings agree.

    .ci/manifest_settings.py deploy/kubernetes/*.yaml

Every key in a settings.toml and in an ENRICH_… variable exists in settings.default.toml; the container's port is
the admin port that is bound, and the probes ask it; the pod's grace is longer than the drain; the caches fit into the
memory limit; a port on all addresses has API keys, one without them is on loopback. What stands in comments, to be taken
up by whoever needs it, exists as well.
"""

import pathlib
import re
import sys
import tomllib

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
CONTAINER = "ghl-enrich"
# What the process needs beside its caches: itself, and requests under way.
PROCESS_BYTES = 40 << 20


def quantity(text):
    number, unit = text[:-2], text[-2:]
    return int(number) * UNITS[unit] if unit in UNITS else int(text)


def lay_over(defaults, changes, where):
    """The defaults with the changes over them, and a fault for each key that has no default."""
    merged, faults = {name: dict(section) for name, section in defaults.items()}, []
    for section, keys in changes.items():
        for key, value in keys.items():
            if key not in defaults.get(section, {}):
                faults.append(f"{where}: no such setting: {section}.{key}")
            merged.setdefault(section, {})[key] = value
    return merged, faults


def from_environment(container):
    """ENRICH_SECTION__KEY variables as a settings table; a value that a Secret holds counts as some text."""
    table = {}
    for variable in container.get("env") or []:
        section, separator, key = variable["name"].removeprefix("ENRICH_").lower().partition("__")
        if variable["name"].startswith("ENRICH_") and separator:
            table.setdefault(section, {})[key] = variable.get("value", "from a secret")
    return table


def faults_of_comments(text, defaults):
    """Settings that a manifest offers in comments: variables, and keys below a [section]."""
    section = None
    for line in text.splitlines():
        offered = re.findall(r"\bENRICH_([A-Z]+)__([A-Z_]+)", line)
        if header := re.match(r"\s*(?:# )?\[([a-z]+)\]$", line):
            section = header[1]
        elif section and (key := re.match(r"\s*# ([a-z_]+) = ", line)):
            offered.append((section, key[1]))
        for section_of, key in offered:
            if key.lower() not in defaults.get(section_of.lower(), {}):
                yield f"no such setting, not even in a comment: {section_of.lower()}.{key.lower()}"


def faults_of_workload(pod, container, maps, defaults):
    volumes = {volume["name"]: volume for volume in pod.get("volumes") or []}
    mounts = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts") or []}
    path = container["args"][container["args"].index("--config") + 1]
    named = [
        volume["configMap"]["name"]
        for name, volume in volumes.items()
        if "configMap" in volume and f"{mounts.get(name)}/settings.toml" == path
    ]
    if not named or named[0] not in maps:
        yield f"no ConfigMap is mounted where --config {path} looks"
        return
    settings, faults = lay_over(defaults, tomllib.loads(maps[named[0]]), named[0])
    yield from faults
    settings, faults = lay_over(settings, from_environment(container), "env")
    yield from faults

    http = settings["http"]
    grace = pod.get("terminationGracePeriodSeconds", 30)
    if grace * 1000 <= http["drain_ms"] + http["shutdown_ms"]:
        yield f"terminationGracePeriodSeconds {grace} is not longer than the drain"
    caches = settings["cache"]["max_bytes"] + settings["ipinfo"]["cache_max_bytes"]
    limit = quantity(container["resources"]["limits"]["memory"])
    if caches + PROCESS_BYTES > limit:
        yield f"caches of {caches} bytes and {PROCESS_BYTES} for the process exceed the memory limit {limit}"
    if http["workers"] == 0 and "cpu" not in container["resources"]["limits"]:
        yield "workers = 0 without a CPU limit means one worker for each core of the node"

    admin_host, _, admin_port = http["admin_bind"].rpartition(":")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    if admin_host.startswith("127."):
        yield "the admin port is on loopback, where the kubelet cannot probe it"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if ports.get(container[probe]["httpGet"]["port"]) != int(admin_port):
            yield f"{probe} does not ask the admin port {admin_port}"
    host, _, port = http["bind"].rpartition(":")
    if not host.startswith("127.") and not settings["auth"]["keys"]:
        yield "the public port is on all addresses without an API key: it will not start"
    if host.startswith("127.") and int(port) in ports.values():
        yield "the public port is listed, but on loopback"

    mounted = tuple(f"{mounted}/" for mounted in mounts.values())
    for section, keys in settings.items():
        for key, value in keys.items():
            if key.endswith("_file") and value and not value.startswith(mounted):
                yield f"{section}.{key} is {value}, where nothing is mounted"


def main(paths):
    defaults = tomllib.loads((ROOT / "settings.default.toml").read_text(encoding="utf-8"))
    workloads, faults = 0, []
    for path in paths:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        faults += [f"{path}: {fault}" for fault in faults_of_comments(text, defaults)]
        documents = [d for d in yaml.safe_load_all(text) if d]
        maps = {
            d["metadata"]["name"]: d["data"]["settings.toml"]
            for d in documents
            if d["kind"] == "ConfigMap" and "settings.toml" in d["data"]
        }
        for document in documents:
            if document["kind"] != "Deployment":
                continue
            pod = document["spec"]["template"]["spec"]
            for container in (pod.get("initContainers") or []) + pod["containers"]:
                if container["name"] == CONTAINER:
                    workloads += 1
                    faults += [f"{path}: {fault}" for fault in faults_of_workload(pod, container, maps, defaults)]
    print("\n".join([*faults, f"{workloads} workloads, {len(faults)} faults"]))
    return 1 if faults or not workloads else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
