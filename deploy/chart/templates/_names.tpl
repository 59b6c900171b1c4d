{{/* What is decided once: names, labels, ports, how long an end may take. */}}

{{- define "expedite.selector" -}}
app.kubernetes.io/name: expedite
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "expedite.labels" -}}
{{ include "expedite.selector" . }}
app.kubernetes.io/part-of: expedite
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The port of a service, by its component: the one that config.yml and docker-compose.yml give it. */}}
{{- define "expedite.port" -}}
{{ get (dict "order" 3000 "kitchen" 3001 "tracking" 3002 "notifier" 3003) . }}
{{- end }}

{{/* Seconds: a pod that is to end is first taken out of the lists of who is asked, and goes on answering meanwhile. */}}
{{- define "expedite.leaving" -}}5{{- end }}

{{/* Seconds that a pod has to end: to leave, then STOP_GRACE, then the five and three that docs/operations.md names
("Stopping"), and seven to spare. */}}
{{- define "expedite.grace" -}}
{{ add (include "expedite.leaving" . | int) (.Values.settings.STOP_GRACE | int) 15 }}
{{- end }}

{{/* A setting as text, however YAML read it: 1000000 and not 1e+06. */}}
{{- define "expedite.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end }}

{{- define "expedite.isFixed" -}}
{{- if gt (int .replicas.min) (int .replicas.max) -}}
{{- fail (printf "%s.replicas: min is %d and max %d; max cannot be less" .name (int .replicas.min) (int .replicas.max)) -}}
{{- end -}}
{{- if eq (int .replicas.min) (int .replicas.max) -}}yes{{- end -}}
{{- end }}
