{{/* What values.schema.json cannot say: values that do not go together. */}}
{{- define "genred.checks" -}}
{{- $partitions := int .Values.topics.partitions -}}
{{- with .Values.keda -}}
{{- if .enabled -}}
{{- if gt (int .maxReplicas) $partitions -}}
{{- fail (printf "keda.maxReplicas is %d, topics.partitions %d: a worker without a partition never becomes ready" (int .maxReplicas) $partitions) -}}
{{- end -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "keda.minReplicas is %d, more than keda.maxReplicas, %d" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if eq $.Values.sasl.mechanism "OAUTHBEARER" -}}
{{- fail "keda.enabled: KEDA reads no bearer token from a file; give it a user of mechanism SCRAM-SHA-512, or switch it off" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if gt (int .Values.replicas) $partitions -}}
{{- fail (printf "replicas is %d, topics.partitions %d: a worker without a partition never becomes ready" (int .Values.replicas) $partitions) -}}
{{- end -}}
{{- with .Values.sasl -}}
{{- if and .mechanism (not .existingSecret) (not .password) -}}
{{- fail "sasl.mechanism is set: give sasl.existingSecret (or, to try, sasl.password)" -}}
{{- end -}}
{{- if and .password .existingSecret -}}
{{- fail "sasl.password and sasl.existingSecret: one of the two" -}}
{{- end -}}
{{- if and .mechanism (ne .mechanism "OAUTHBEARER") (not .username) (not .usernameKey) -}}
{{- fail "sasl.mechanism is set: give sasl.username, or sasl.usernameKey of the Secret" -}}
{{- end -}}
{{- if and .usernameKey (not .existingSecret) -}}
{{- fail "sasl.usernameKey is a key of sasl.existingSecret, which is missing" -}}
{{- end -}}
{{- end -}}
{{- with .Values.tls -}}
{{- if and .ca .existingSecret -}}
{{- fail "tls.ca and tls.existingSecret: one of the two" -}}
{{- end -}}
{{- if and (or .clientCertificate .keyPasswordKey) (not .existingSecret) -}}
{{- fail "tls.clientCertificate and tls.keyPasswordKey need tls.existingSecret" -}}
{{- end -}}
{{- end -}}
{{- end }}
