{{/* What is public, and whose it is: the same as in deploy/proxy/haproxy.cfg, where the first rule that fits decides.
The controller may look at these in any order, so none of them fits what another one does. Expressions of PCRE from the
path's beginning on. What is not here is nobody's: 404. */}}

{{- define "expedite.pages" -}}
order:
  - /$
  - /orders$
  - /orders/(?!stuck$)[^/]+$
  - /orders/[^/]+/(?!(status|history|stream)$)[^/]+$
  - /(menu|users)(/[^/]+){0,2}$
  - /(register|login|logout|sign-in|sign-out|account|estimate|forgotten-password|reset-password|new-address)$
  - /(logout/everywhere|register/finish|account/address|account/sign-out-everywhere)$
  - /static/order/[^/]+$
  - /docs(/order)?$
  - /(openapi(/order)?|asyncapi)\.json$
kitchen:
  - /board(/(?!stream$)[^/]+)?$
  - /board(/[^/]+){2,3}$
  - /static/kitchen/[^/]+$
  - /docs/kitchen$
  - /openapi/kitchen\.json$
tracking:
  - /orders/[^/]+/(status|history)$
  - /workers/status$
  - /track/[^/]+$
  - /(lobby|dashboard|dashboard\.csv)$
  - /static/tracking/[^/]+$
  - /docs/tracking$
  - /openapi/tracking\.json$
notifier:
  - /webhooks(/[^/]+){0,2}$
  - /notifications(/[^/]+)?$
  - /deliveries(/[^/]+/send-again)?$
  - /static/notifier/[^/]+$
  - /docs/notifier$
  - /openapi/notifier\.json$
{{- end }}

{{- define "expedite.streams" -}}
tracking-streams:
  - /orders/[^/]+/stream$
  - /(lobby|dashboard)/stream$
kitchen-streams:
  - /board/stream$
{{- end }}
