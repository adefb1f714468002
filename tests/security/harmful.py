"""Jobs that the operator never makes: what the admission policy must refuse, one change each."""

from __future__ import annotations

from typing import Any

from tests.security.edits import GONE
from tests.security.shapes import BUCKET, DUCKDB, WITH_CREDENTIALS, WRITE_BACK

POD = "spec/template/spec"
BOX = f"{POD}/containers/0"
OURS = "spark-integrations.dev"

# What is changed, in a Job of which shape, and a part of what the API server says to it.
Change = tuple[str, dict[str, Any], dict[str, Any], str]
OWNER = "must be an Integration"
LABELS = "must say whose fetch it is"
ENDS = "must end by itself"
ONE = "must have one container"
COMMAND = "the image alone must say"
ENVIRONMENT = "plain values only"
RESTRICTED = "restricted Pod Security"
PRIVILEGES = "without privileges"
NODE = "share no namespace with its node"
VOLUMES = "its volumes must be"
MOUNTS = "each volume must be mounted"
TOKEN = "no ServiceAccount and no token"
SCOPE = "for the API server alone"
HELD = "hold nothing back"
ANNOTATIONS = "must have no annotations"
_token = {"serviceAccountToken": {"path": "token"}}

CHANGES: list[Change] = [
    ("no owner", {}, {"metadata/ownerReferences": GONE}, OWNER),
    ("a second owner", {}, {"metadata/ownerReferences/-": {
        "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}}, OWNER),
    ("an owner of another kind", {}, {"metadata/ownerReferences/0/kind": "Scheduler"}, OWNER),
    ("an owner that does not control", {}, {"metadata/ownerReferences/0/controller": False}, OWNER),
    ("an owner of another API", {}, {
        "metadata/ownerReferences/0/apiVersion": "example.com/v1"}, OWNER),
    ("all of the claim, as the folder of an owner of that name", {"destination": DUCKDB}, {
        "metadata/ownerReferences/0/name": ".", f"{BOX}/volumeMounts/1/subPath": "."}, OWNER),
    ("a folder further down, likewise", {"destination": DUCKDB}, {
        "metadata/ownerReferences/0/name": "a/b", f"{BOX}/volumeMounts/1/subPath": "a/b"}, OWNER),
    ("another's label on the Job", {}, {f"metadata/labels/{OURS}~integration-uid": "other"}, LABELS),
    ("another's label on the pod", {},
     {f"spec/template/metadata/labels/{OURS}~integration-uid": "other"}, LABELS),
    ("no label of the operator", {}, {"metadata/labels/app.kubernetes.io~managed-by": GONE}, LABELS),
    ("another name in the labels", {}, {
        "spec/template/metadata/labels/app.kubernetes.io~name": "shop"}, LABELS),
    ("another component in the labels", {}, {
        "spec/template/metadata/labels/app.kubernetes.io~component": "shop"}, LABELS),
    ("no service in the labels", {}, {f"metadata/labels/{OURS}~service": ""}, LABELS),
    ("no number of a run in the labels", {}, {f"metadata/labels/{OURS}~run": "last"}, LABELS),
    ("a finalizer", {}, {"metadata/finalizers": ["example.com/stay"]}, HELD),
    ("a selector of its own", {}, {
        "spec/manualSelector": True, "spec/selector": {"matchLabels": {"app": "shop"}},
        "spec/template/metadata/labels/app": "shop"}, HELD),
    ("another controller", {}, {"spec/managedBy": "example.com/mine"}, HELD),
    ("no deadline", {}, {"spec/activeDeadlineSeconds": GONE}, ENDS),
    ("a deadline of a day", {}, {"spec/activeDeadlineSeconds": 86_400}, ENDS),
    ("retries of its own", {}, {"spec/backoffLimit": 6}, ENDS),
    ("a thousand pods at once", {}, {"spec/parallelism": 1000, "spec/completions": 1000}, ENDS),
    ("two pods at once", {}, {"spec/parallelism": 2}, ENDS),
    ("two pods in turn", {}, {"spec/completions": 2}, ENDS),
    ("another try for each failure", {}, {"spec/podFailurePolicy/rules/-": {
        "action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": [0]}}}, ENDS),
    ("another try for each failure of a kind", {}, {"spec/podFailurePolicy/rules/-": {
        "action": "Ignore", "onPodConditions": [{"type": "Ready", "status": "False"}]}}, ENDS),
    ("failures that count otherwise", {}, {"spec/podFailurePolicy/rules/0/action": "Count"}, ENDS),
    ("no end of its traces", {}, {"spec/ttlSecondsAfterFinished": GONE}, ENDS),
    ("a pod that restarts", {}, {
        f"{POD}/restartPolicy": "OnFailure", "spec/podFailurePolicy": GONE}, ENDS),
    ("a pod that lingers", {}, {f"{POD}/terminationGracePeriodSeconds": 3600}, ENDS),
    ("a second container", {}, {f"{POD}/containers/-": {"name": "side", "image": "x",
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]}}}}, ONE),
    ("a container of another name", {}, {f"{BOX}/name": "side"}, ONE),
    ("an init container", {}, {f"{POD}/initContainers": [{"name": "side", "image": "x"}]}, ONE),
    ("a command", {}, {f"{BOX}/command": ["sh", "-c", "cat /var/run/spark/*/*"]}, COMMAND),
    ("arguments", {}, {f"{BOX}/args": ["--help"]}, COMMAND),
    ("a hook", {}, {f"{BOX}/lifecycle": {"preStop": {"exec": {"command": ["sh"]}}}}, COMMAND),
    ("a probe that runs something", {},
     {f"{BOX}/livenessProbe": {"exec": {"command": ["sh"]}}}, COMMAND),
    ("a port of its node", {}, {f"{BOX}/ports": [{"containerPort": 80, "hostPort": 80}]}, COMMAND),
    ("a folder to begin in", {}, {f"{BOX}/workingDir": "/tmp"}, COMMAND),
    ("a readiness that runs something", {},
     {f"{BOX}/readinessProbe": {"exec": {"command": ["sh"]}}}, COMMAND),
    ("a start that runs something", {},
     {f"{BOX}/startupProbe": {"exec": {"command": ["sh"]}}}, COMMAND),
    ("a disk as a device", {"destination": DUCKDB}, {
        f"{BOX}/volumeMounts/1": GONE,
        f"{BOX}/volumeDevices": [{"name": "data", "devicePath": "/dev/x"}]}, COMMAND),
    ("an input", {}, {f"{BOX}/stdin": True}, COMMAND),
    ("a terminal", {}, {f"{BOX}/tty": True}, COMMAND),
    ("a container that starts again by itself", {}, {f"{BOX}/restartPolicy": "Always"}, COMMAND),
    ("a variable out of a Secret", {}, {f"{BOX}/env/-": {"name": "SPARK_X", "valueFrom": {
        "secretKeyRef": {"name": "admin", "key": "token"}}}}, ENVIRONMENT),
    ("all of a Secret as variables", {}, {
        f"{BOX}/envFrom": [{"secretRef": {"name": "admin"}}]}, ENVIRONMENT),
    ("a variable for the loader", {},
     {f"{BOX}/env/-": {"name": "LD_PRELOAD", "value": "/tmp/x.so"}}, ENVIRONMENT),
    ("root", {}, {f"{POD}/securityContext/runAsUser": 0,
                  f"{POD}/securityContext/runAsNonRoot": False}, RESTRICTED),
    ("no seccomp", {}, {f"{POD}/securityContext/seccompProfile/type": "Unconfined"}, RESTRICTED),
    ("no word against root", {}, {f"{POD}/securityContext/runAsNonRoot": GONE}, RESTRICTED),
    ("another user", {}, {f"{POD}/securityContext/runAsUser": 1000}, RESTRICTED),
    ("another group", {}, {f"{POD}/securityContext/runAsGroup": 0}, RESTRICTED),
    ("the files of another group", {}, {f"{POD}/securityContext/fsGroup": 0}, RESTRICTED),
    ("a context of SELinux", {},
     {f"{POD}/securityContext/seLinuxOptions": {"type": "spc_t"}}, RESTRICTED),
    ("an account of Windows", {},
     {f"{POD}/securityContext/windowsOptions": {"runAsUserName": "ContainerAdministrator"}}, RESTRICTED),
    ("no AppArmor", {}, {f"{POD}/securityContext/appArmorProfile": {"type": "Unconfined"}}, RESTRICTED),
    ("a kernel setting", {}, {
        f"{POD}/securityContext/sysctls": [{"name": "kernel.msgmax", "value": "1"}]}, RESTRICTED),
    ("a further group", {}, {f"{POD}/securityContext/supplementalGroups": [0]}, RESTRICTED),
    ("no AppArmor, by annotation", {}, {"spec/template/metadata/annotations": {
        "container.apparmor.security.beta.kubernetes.io/fetch": "unconfined"}}, ANNOTATIONS),
    ("a further network", {}, {"spec/template/metadata/annotations": {
        "k8s.v1.cni.cncf.io/networks": "kube-system/host-device"}}, ANNOTATIONS),
    ("privileged", {}, {f"{BOX}/securityContext/privileged": True,
                        f"{BOX}/securityContext/allowPrivilegeEscalation": GONE}, PRIVILEGES),
    ("a way to privileges", {}, {f"{BOX}/securityContext/allowPrivilegeEscalation": GONE}, PRIVILEGES),
    ("capabilities as they are", {}, {f"{BOX}/securityContext/capabilities/drop": GONE}, PRIVILEGES),
    ("another group in the container alone", {}, {f"{BOX}/securityContext/runAsGroup": 0}, PRIVILEGES),
    ("no word against root in the container alone", {},
     {f"{BOX}/securityContext/runAsNonRoot": False}, PRIVILEGES),
    ("no seccomp in the container alone", {},
     {f"{BOX}/securityContext/seccompProfile": {"type": "Unconfined"}}, PRIVILEGES),
    ("no AppArmor in the container alone", {},
     {f"{BOX}/securityContext/appArmorProfile": {"type": "Unconfined"}}, PRIVILEGES),
    ("a context of SELinux in the container alone", {},
     {f"{BOX}/securityContext/seLinuxOptions": {"type": "spc_t"}}, PRIVILEGES),
    ("an account of Windows in the container alone", {},
     {f"{BOX}/securityContext/windowsOptions": {"runAsUserName": "ContainerAdministrator"}}, PRIVILEGES),
    ("a /proc without masks", {}, {
        f"{POD}/hostUsers": False, f"{BOX}/securityContext/procMount": "Unmasked"}, PRIVILEGES),
    ("root in the container alone", {}, {f"{BOX}/securityContext/runAsUser": 0}, PRIVILEGES),
    ("a capability", {}, {f"{BOX}/securityContext/capabilities/add": ["NET_RAW"]}, PRIVILEGES),
    ("a root that can be written", {},
     {f"{BOX}/securityContext/readOnlyRootFilesystem": False}, PRIVILEGES),
    ("the network of its node", {}, {f"{POD}/hostNetwork": True}, NODE),
    ("the processes of its node", {}, {f"{POD}/hostPID": True}, NODE),
    ("the IPC of its node", {}, {f"{POD}/hostIPC": True}, NODE),
    ("a node of its choice", {}, {f"{POD}/nodeName": "control-plane"}, NODE),
    ("a node of its choice, by affinity", {}, {f"{POD}/affinity": {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [
            {"key": "metadata.name", "operator": "In", "values": ["control-plane"]}]}]}}}}, NODE),
    ("processes in common", {}, {f"{POD}/shareProcessNamespace": True}, NODE),
    ("the users of its node", {}, {f"{POD}/hostUsers": True}, NODE),
    ("a name of its choice", {}, {f"{POD}/hostname": "shop"}, NODE),
    ("a name of its choice, whatever it holds", {}, {f"{POD}/hostnameOverride": "shop"}, NODE),
    ("a name below another's", {}, {f"{POD}/subdomain": "shop"}, NODE),
    ("a runtime of its choice", {}, {f"{POD}/runtimeClassName": "plain"}, NODE),
    ("a device", {}, {
        f"{POD}/resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}, NODE),
    ("the addresses of all Services", {}, {f"{POD}/enableServiceLinks": True}, NODE),
    ("names of its choice for addresses", {}, {
        f"{POD}/hostAliases": [{"ip": "127.0.0.1", "hostnames": ["api.github.com"]}]}, NODE),
    ("another resolver beside", {}, {f"{POD}/dnsConfig": {"nameservers": ["192.0.2.1"]}}, NODE),
    ("the resolver of its node", {}, {f"{POD}/dnsPolicy": "Default"}, NODE),
    ("a scheduler of its choice", {}, {f"{POD}/schedulerName": "mine"}, NODE),
    ("the disk of its node", {}, {f"{POD}/volumes/-": {"name": "data", "hostPath": {"path": "/"}}},
     VOLUMES),
    ("the disk of its node as /tmp", {}, {
        f"{POD}/volumes/0": {"name": "tmp", "hostPath": {"path": "/"}}}, VOLUMES),
    ("a ConfigMap", {}, {f"{POD}/volumes/-": {"name": "data", "configMap": {"name": "x"}}}, VOLUMES),
    ("a server's disk", {}, {
        f"{POD}/volumes/-": {"name": "data", "nfs": {"server": "10.0.0.1", "path": "/"}}}, VOLUMES),
    ("/tmp without a bound", {}, {f"{POD}/volumes/0/emptyDir": {}}, VOLUMES),
    ("/tmp with a bound that is none", {}, {f"{POD}/volumes/0/emptyDir/sizeLimit": "1Ei"}, VOLUMES),
    ("the disk of its node as a token", {}, {
        f"{POD}/volumes/-": {"name": "api", "hostPath": {"path": "/"}}}, VOLUMES),
    ("a volume of another name", WRITE_BACK, {
        f"{POD}/volumes/-": {"name": "more", "projected": {"sources": [_token]}}}, VOLUMES),
    ("/tmp in memory", {}, {f"{POD}/volumes/0/emptyDir/medium": "Memory"}, VOLUMES),
    ("all keys of a Secret", WITH_CREDENTIALS, {f"{POD}/volumes/1/secret/items": GONE}, VOLUMES),
    ("a Secret elsewhere", WITH_CREDENTIALS, {f"{BOX}/volumeMounts/1/mountPath": "/etc"}, MOUNTS),
    ("a Secret that can be written", WITH_CREDENTIALS,
     {f"{BOX}/volumeMounts/1/readOnly": False}, MOUNTS),
    ("/tmp elsewhere", {}, {f"{BOX}/volumeMounts/0/mountPath": "/usr"}, MOUNTS),
    ("a destination elsewhere", {}, {f"{BOX}/volumeMounts/1/mountPath": "/etc"}, MOUNTS),
    ("a destination that can be written", {}, {f"{BOX}/volumeMounts/1/readOnly": False}, MOUNTS),
    ("a token elsewhere", WRITE_BACK, {
        f"{BOX}/volumeMounts/2/mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}, MOUNTS),
    ("a token that can be written", WRITE_BACK, {f"{BOX}/volumeMounts/2/readOnly": False}, MOUNTS),
    ("a claim elsewhere", {"destination": DUCKDB}, {f"{BOX}/volumeMounts/1/mountPath": "/usr"}, MOUNTS),
    ("one key of a Secret as all of it", {}, {f"{BOX}/volumeMounts/1/subPath": "password"}, MOUNTS),
    ("all of the claim", {"destination": DUCKDB}, {f"{BOX}/volumeMounts/1/subPath": GONE}, MOUNTS),
    ("another's folder of the claim", {"destination": DUCKDB},
     {f"{BOX}/volumeMounts/1/subPath": "bob"}, MOUNTS),
    ("a folder of a Secret by a variable", {}, {
        f"{BOX}/volumeMounts/1/subPathExpr": "$(SPARK_INTEGRATION)"}, MOUNTS),
    ("mounts that reach the node", {"destination": DUCKDB},
     {f"{BOX}/volumeMounts/1/mountPropagation": "HostToContainer"}, MOUNTS),
    ("the token of the account", {}, {f"{POD}/automountServiceAccountToken": True}, TOKEN),
    ("an account", {}, {f"{POD}/serviceAccountName": "admin"}, TOKEN),
    ("an account of its own, without write-back", {},
     {f"{POD}/serviceAccountName": "spark-fetch-alice"}, TOKEN),
    ("another's account", WRITE_BACK, {f"{POD}/serviceAccountName": "spark-fetch-bob"}, TOKEN),
    ("no account with a token", WRITE_BACK, {f"{POD}/serviceAccountName": GONE}, TOKEN),
    ("a longer account for a name that fits", {**WRITE_BACK, "name": "b" * 241},
     {f"{POD}/serviceAccountName": f"spark-fetch-{'b' * 200}-x"}, TOKEN),
    ("another account for the longest name", {**WRITE_BACK, "name": "a" * 253},
     {f"{POD}/serviceAccountName": "spark-fetch-bob"}, TOKEN),
    ("a token in a volume of another name", {"destination": BUCKET},
     {f"{POD}/volumes/1": {"name": "destination", "projected": {"sources": [_token]}}}, VOLUMES),
    ("a token for somebody else", WRITE_BACK,
     {f"{POD}/volumes/2/projected/sources/0/serviceAccountToken/audience": "vault"}, SCOPE),
    ("a token for a day", WRITE_BACK, {
        f"{POD}/volumes/2/projected/sources/0/serviceAccountToken/expirationSeconds": 86_400}, SCOPE),
    ("a Secret beside the token", WRITE_BACK,
     {f"{POD}/volumes/2/projected/sources/-": {"secret": {"name": "admin"}}}, SCOPE),
    ("another ConfigMap beside the token", WRITE_BACK,
     {f"{POD}/volumes/2/projected/sources/1/configMap/name": "admin"}, SCOPE),
]  # fmt: skip
