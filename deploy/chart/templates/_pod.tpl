{{/* The parts that every pod has. */}}

{{- define "expedite.podSecurity" -}}
runAsNonRoot: true
# The Dockerfile's user.
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "expedite.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "expedite.image" -}}
image: {{ printf "%s:%s" .Values.image.repository .Values.image.tag | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "expedite.pullSecrets" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What migrations need, too. CloudNativePG keeps the address, user and password in a Secret, and the Service in it
leads to whichever instance takes writes. */}}
{{- define "expedite.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.postgresql.cluster }}-app, key: uri}}
{{- end }}

{{/* Of root and component, for kitchen a group: the settings of all, over them the group's, and what this chart lays
out. Later names may use earlier ones by $(…), which Kubernetes fills in. */}}
{{- define "expedite.env" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{ include "expedite.databaseEnv" $root }}
{{- if and $values.postgresql.standby (eq .component "tracking") }}
- name: POSTGRESQL_USER
  valueFrom: {secretKeyRef: {name: {{ $values.postgresql.cluster }}-app, key: username}}
- name: POSTGRESQL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $values.postgresql.cluster }}-app, key: password}}
- name: POSTGRESQL_DATABASE
  valueFrom: {secretKeyRef: {name: {{ $values.postgresql.cluster }}-app, key: dbname}}
# Both are letters and digits alone, as CloudNativePG makes them.
- name: STANDBY_URL
  value: postgresql://$(POSTGRESQL_USER):$(POSTGRESQL_PASSWORD)@{{ $values.postgresql.cluster }}-standby:5432/$(POSTGRESQL_DATABASE)
{{- end }}
- name: RABBITMQ_USER
  valueFrom: {secretKeyRef: {name: {{ $values.rabbitmq.cluster }}-default-user, key: username}}
- name: RABBITMQ_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $values.rabbitmq.cluster }}-default-user, key: password}}
# One Service in front of all nodes: who lost one is led to another. Letters, digits, - and _ alone, as the operator
# makes them.
- name: AMQP_URI
  value: amqp://$(RABBITMQ_USER):$(RABBITMQ_PASSWORD)@{{ $values.rabbitmq.cluster }}:5672/
- name: SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ $values.secretName }}, key: SECRET_KEY}}
- name: SECRET_KEY_BEFORE
  valueFrom: {secretKeyRef: {name: {{ $values.secretName }}, key: SECRET_KEY_BEFORE, optional: true}}
{{- if eq .component "notifier" }}
- name: SMTP_USER
  valueFrom: {secretKeyRef: {name: {{ $values.secretName }}, key: SMTP_USER, optional: true}}
- name: SMTP_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ $values.secretName }}, key: SMTP_PASSWORD, optional: true}}
{{- end }}
- name: {{ upper .component }}_ADDRESS
  value: 0.0.0.0:{{ include "expedite.port" .component }}
{{- range list "PUBLIC_URL" "KITCHEN_URL" "TRACKING_URL" "NOTIFIER_URL" }}
- name: {{ . }}
  value: https://{{ $values.host }}
{{- end }}
- name: RATE_LIMIT_STORAGE
  value: {{ if $values.redis.name }}redis://{{ $values.redis.name }}:6379/0{{ else }}memory://{{ end }}
{{- $settings := deepCopy $values.settings }}
{{- with .group }}
- name: WORKER_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: ORDER_TYPES
  value: {{ join "," .orderTypes }}
{{- $settings = mergeOverwrite $settings (.settings | default dict) }}
{{- end }}
{{- range $name, $value := $settings }}
- name: {{ $name }}
  value: {{ include "expedite.text" $value | quote }}
{{- end }}
{{- end }}
