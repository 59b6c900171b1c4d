{{/* A service's processes. Of root, component, name (of the Deployment), module, settings (of replicas and resources),
and for kitchen a group. */}}

{{- define "expedite.componentSelector" -}}
{{ include "expedite.selector" .root }}
app.kubernetes.io/component: {{ .component }}
{{- with .group }}
expedite/group: {{ .name }}
{{- end }}
{{- end }}

{{- define "expedite.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    {{- include "expedite.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if include "expedite.isFixed" (dict "name" .name "replicas" .replicas) }}
  replicas: {{ int .replicas.min }}
  {{- end }}
  revisionHistoryLimit: 3
  # New processes beside the old ones, which then go, one after the other.
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector:
    matchLabels:
      {{- include "expedite.componentSelector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "expedite.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
        {{- with .group }}
        expedite/group: {{ .name }}
        {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with include "expedite.pullSecrets" .root }}{{ . | nindent 6 }}{{- end }}
      terminationGracePeriodSeconds: {{ include "expedite.grace" .root }}
      securityContext:
        {{- include "expedite.podSecurity" .root | nindent 8 }}
      topologySpreadConstraints:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - topologyKey: {{ . }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          matchLabelKeys: [pod-template-hash]
          labelSelector:
            matchLabels:
              {{- include "expedite.componentSelector" $ | nindent 14 }}
        {{- end }}
      containers:
        - name: {{ .component }}
          {{- include "expedite.image" .root | nindent 10 }}
          command: [nameko, run, --config, config.yml, {{ .component }}_service]
          env:
            {{- include "expedite.env" . | nindent 12 }}
          ports:
            - {name: http, containerPort: {{ include "expedite.port" .component }}, protocol: TCP}
          startupProbe:
            httpGet: {path: /health/live, port: http}
            periodSeconds: 2
            failureThreshold: 45
          # Its answer waits for no server, so nobody is killed because PostgreSQL is away.
          livenessProbe:
            httpGet: {path: /health/live, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /health/ready, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 3
          lifecycle:
            preStop: {sleep: {seconds: {{ include "expedite.leaving" .root }}}}
          resources:
            {{- toYaml .resources | nindent 12 }}
          securityContext:
            {{- include "expedite.containerSecurity" .root | nindent 12 }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: tmp
          emptyDir: {medium: Memory, sizeLimit: 16Mi}
---
# A node that is emptied takes one away at a time, and one that does not work at any time.
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels:
    {{- include "expedite.labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "expedite.componentSelector" . | nindent 6 }}
{{- end }}
