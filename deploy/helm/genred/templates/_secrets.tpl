{{/* The Secrets that are made from values. Call with (list $ "suffix" "annotations, indented by 4"). */}}
{{- define "genred.secrets" -}}
{{- $top := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $annotations := index . 2 -}}
{{- with $top.Values.sasl }}
{{- if and .mechanism .password (not .existingSecret) }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "genred.saslSecret" $top }}{{ $suffix }}
  labels: {{- include "genred.labels" (list $top "login") | nindent 4 }}
  {{- with $annotations }}
  annotations: {{- . | nindent 4 }}
  {{- end }}
type: Opaque
stringData:
  {{ ternary .tokenKey .passwordKey (eq .mechanism "OAUTHBEARER") }}: {{ .password | quote }}
{{- end }}
{{- end }}
{{- with $top.Values.tls }}
{{- if and .enabled .ca }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "genred.tlsSecret" $top }}{{ $suffix }}
  labels: {{- include "genred.labels" (list $top "login") | nindent 4 }}
  {{- with $annotations }}
  annotations: {{- . | nindent 4 }}
  {{- end }}
type: Opaque
stringData:
  {{ .caKey }}: {{ .ca | quote }}
{{- end }}
{{- end }}
{{- end }}
