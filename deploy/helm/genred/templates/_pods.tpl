{{/* What every pod has in common, workers, topics Job and test alike. */}}
{{- define "genred.podIdentity" -}}
serviceAccountName: {{ . }}
automountServiceAccountToken: false
# Else a Service called genred-… would show itself as GENRED_…, and genred refuses variables that it does not know.
enableServiceLinks: false
{{- end }}

{{- define "genred.podSecurityContext" -}}
runAsNonRoot: true
{{- /* Else a long one, as OpenShift has them, would be written 1.00065e+09. */}}
runAsUser: {{ .Values.userId | int64 }}
runAsGroup: {{ .Values.userId | int64 }}
fsGroup: {{ .Values.userId | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "genred.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What the images set, and what therefore goes over genred.toml: the values decide. */}}
{{- define "genred.imageVariables" -}}
- name: GENRED_HTTP__HOST
  value: {{ .Values.settings.http.host | quote }}
- name: GENRED_HTTP__PORT
  value: {{ .Values.settings.http.port | quote }}
{{- if .Values.gpu.enabled }}
- name: GENRED_ENGINE__DEVICE
  value: cuda
{{- end }}
{{- end }}

{{/* Who it is to the brokers, as far as files cannot say it. */}}
{{- define "genred.loginVariables" -}}
{{- if and .Values.sasl.mechanism (ne .Values.sasl.mechanism "OAUTHBEARER") }}
- name: GENRED_KAFKA__SASL__USERNAME
  {{- if .Values.sasl.usernameKey }}
  valueFrom:
    secretKeyRef:
      name: {{ include "genred.saslSecret" . }}
      key: {{ .Values.sasl.usernameKey }}
  {{- else }}
  value: {{ .Values.sasl.username | quote }}
  {{- end }}
{{- end }}
{{- if and .Values.tls.enabled .Values.tls.keyPasswordKey }}
- name: GENRED_KAFKA__TLS__KEY_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "genred.tlsSecret" . }}
      key: {{ .Values.tls.keyPasswordKey }}
{{- end }}
{{- end }}

{{/* Call with (list $ "suffix"): the suffix of the ConfigMap and of Secrets that the chart makes. */}}
{{- define "genred.volumes" -}}
{{- $top := index . 0 -}}
{{- $suffix := index . 1 -}}
- name: settings
  configMap:
    name: {{ include "genred.name" $top }}{{ $suffix }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with $top.Values.sasl }}
{{- if .mechanism }}
{{- $bearer := eq .mechanism "OAUTHBEARER" }}
- name: sasl
  secret:
    secretName: {{ include "genred.saslSecret" $top }}{{ if not .existingSecret }}{{ $suffix }}{{ end }}
    defaultMode: 0440
    items:
      - key: {{ ternary .tokenKey .passwordKey $bearer }}
        path: {{ ternary "token" "password" $bearer }}
{{- end }}
{{- end }}
{{- with $top.Values.tls }}
{{- if and .enabled (or .ca .existingSecret) }}
- name: tls
  secret:
    secretName: {{ include "genred.tlsSecret" $top }}{{ if not .existingSecret }}{{ $suffix }}{{ end }}
    defaultMode: 0440
    items:
      - key: {{ .caKey }}
        path: ca.crt
      {{- if .clientCertificate }}
      - key: {{ .certificateKey }}
        path: tls.crt
      - key: {{ .privateKeyKey }}
        path: tls.key
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "genred.volumeMounts" -}}
- name: settings
  mountPath: /etc/genred
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if .Values.sasl.mechanism }}
- name: sasl
  mountPath: /secrets/sasl
  readOnly: true
{{- end }}
{{- if and .Values.tls.enabled (or .Values.tls.ca .Values.tls.existingSecret) }}
- name: tls
  mountPath: /secrets/tls
  readOnly: true
{{- end }}
{{- end }}
