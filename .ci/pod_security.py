#!/usr/bin/env python3
"""Holds every pod in the given manifests to the Pod Security Standard "restricted".

    .ci/pod_security.py deploy/kubernetes/*.yaml

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ for Linux pods. Ours go
further in two places: the root file system is read-only, and a memory limit equals its request.
"""

import sys

import yaml

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SECCOMP = {"RuntimeDefault", "Localhost"}


def pod_specs(document):
    """The pod spec that a document holds, if it holds one, wherever its kind keeps it."""
    spec = document.get("spec") or {}
    match document.get("kind"):
        case "Pod":
            yield spec
        case "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job":
            yield spec["template"]["spec"]
        case "CronJob":
            yield spec["jobTemplate"]["spec"]["template"]["spec"]


def faults_of_pod(pod):
    for switch in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(switch):
            yield f"{switch} is on"
    for volume in pod.get("volumes") or []:
        for source in set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {source}"
    context = pod.get("securityContext") or {}
    if context.get("sysctls"):
        yield "sets sysctls"
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod.get(group) or []:
            for fault in faults_of_container(container, context):
                yield f"{container['name']}: {fault}"


def faults_of_container(container, pod_context):
    context = container.get("securityContext") or {}

    def effective(key):
        return context.get(key, pod_context.get(key))

    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if effective("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if effective("runAsUser") == 0:
        yield "runs as user 0"
    if (effective("seccompProfile") or {}).get("type") not in SECCOMP:
        yield "no seccomp profile"
    if context.get("procMount", "Default") != "Default":
        yield "procMount is not Default"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield "does not drop ALL capabilities"
    if added := set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield f"adds capabilities {', '.join(sorted(added))}"
    if any(port.get("hostPort") for port in container.get("ports") or []):
        yield "takes a hostPort"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "the root file system can be written"
    resources = container.get("resources") or {}
    limit = (resources.get("limits") or {}).get("memory")
    if limit is None or limit != (resources.get("requests") or {}).get("memory"):
        yield "the memory limit is not the memory request"


def main(paths):
    pods, faults = 0, 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            documents = [document for document in yaml.safe_load_all(file) if document]
        for document in documents:
            for pod in pod_specs(document):
                pods += 1
                for fault in faults_of_pod(pod):
                    faults += 1
                    print(f"{path}: {document['kind']} {document['metadata']['name']}: {fault}")
    print(f"{pods} pods, {faults} faults")
    return 1 if faults or not pods else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
