{{/* The name of everything that is made: the release's, with the chart's unless it is in there. */}}
{{- define "genred.name" -}}
{{- $name := ternary .Release.Name (printf "%s-genred" .Release.Name) (contains "genred" .Release.Name) -}}
{{- $name | trunc 48 | trimSuffix "-" -}}
{{- end }}

{{- define "genred.selector" -}}
app.kubernetes.io/name: genred
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Call with (list $ "component"). */}}
{{- define "genred.labels" -}}
{{- $top := index . 0 -}}
{{ include "genred.selector" $top }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/version: {{ $top.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: genred
app.kubernetes.io/managed-by: {{ $top.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $top.Chart.Name $top.Chart.Version }}
{{- end }}

{{- define "genred.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "genred.name" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{/* The image of the workers; on a CPU also that of what runs beside them. */}}
{{- define "genred.image" -}}
{{- if .Values.gpu.enabled -}}
{{ .Values.gpu.image.repository }}:{{ .Values.gpu.image.tag | default .Values.image.tag | default .Chart.AppVersion }}
{{- else -}}
{{ include "genred.cpuImage" . }}
{{- end -}}
{{- end }}

{{- define "genred.cpuImage" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "genred.saslSecret" -}}
{{- .Values.sasl.existingSecret | default (printf "%s-sasl" (include "genred.name" .)) -}}
{{- end }}

{{- define "genred.tlsSecret" -}}
{{- .Values.tls.existingSecret | default (printf "%s-tls" (include "genred.name" .)) -}}
{{- end }}
