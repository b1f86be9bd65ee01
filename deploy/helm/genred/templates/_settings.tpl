{{/* A table as TOML: plain values first, then the tables in it. Call with (list table "name."). Scalars and lists of
     them are alike in JSON and TOML. An unset key (null) is left out, for TOML has no null. */}}
{{- define "genred.toml" -}}
{{- $table := index . 0 -}}
{{- $prefix := index . 1 -}}
{{- range $key := keys $table | sortAlpha -}}
{{- $value := get $table $key -}}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ $key }} = {{ $value | toJson }}
{{- end -}}
{{- end -}}
{{- range $key := keys $table | sortAlpha -}}
{{- $value := get $table $key -}}
{{- if kindIs "map" $value }}

[{{ $prefix }}{{ $key }}]
{{- include "genred.toml" (list $value (printf "%s%s." $prefix $key)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* genred.toml: the settings of the values, with the tables that follow from others. */}}
{{- define "genred.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- $kafka := $settings.kafka -}}
{{- with .Values.sasl -}}
{{- if eq .mechanism "OAUTHBEARER" -}}
{{- $_ := set $kafka "sasl" (dict "mechanism" .mechanism "token_file" "/secrets/sasl/token") -}}
{{- else if .mechanism -}}
{{- $_ := set $kafka "sasl" (dict "mechanism" .mechanism "password_file" "/secrets/sasl/password") -}}
{{- end -}}
{{- end -}}
{{- with .Values.tls -}}
{{- if .enabled -}}
{{- $tls := dict "check_hostname" .checkHostname -}}
{{- if or .ca .existingSecret -}}
{{- $_ := set $tls "ca_file" "/secrets/tls/ca.crt" -}}
{{- end -}}
{{- if .clientCertificate -}}
{{- $_ := set $tls "cert_file" "/secrets/tls/tls.crt" -}}
{{- $_ := set $tls "key_file" "/secrets/tls/tls.key" -}}
{{- end -}}
{{- $_ := set $kafka "tls" $tls -}}
{{- end -}}
{{- end -}}
{{- if .Values.gpu.enabled -}}
{{- $engine := dict "device" "cuda" "max_batch" .Values.gpu.maxBatch -}}
{{- $_ := set $settings "engine" (mergeOverwrite (deepCopy ($settings.engine | default dict)) $engine) -}}
{{- end -}}
{{- include "genred.toml" (list $settings "") | trim }}
{{- end }}

{{/* The [[sources]] as GENRED_SOURCES, JSON. Call with (list $ "instance id"); "" gives none. */}}
{{- define "genred.sources" -}}
{{- $source := merge (dict "kind" "kafka") (deepCopy (index . 0).Values.source) -}}
{{- if index . 1 -}}
{{- $_ := set $source "instance_id" (index . 1) -}}
{{- end -}}
{{- list $source | toJson -}}
{{- end }}
