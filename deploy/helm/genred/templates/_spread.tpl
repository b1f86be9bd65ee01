{{/* Workers apart: a lost node or zone then takes as few as can be. */}}
{{- define "genred.spread" -}}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- $places := list (list .Values.spread.hosts "kubernetes.io/hostname") (list .Values.spread.zones "topology.kubernetes.io/zone") -}}
{{- if or (ne .Values.spread.hosts "off") (ne .Values.spread.zones "off") }}
topologySpreadConstraints:
  {{- range $places }}
  {{- if ne (index . 0) "off" }}
  - maxSkew: 1
    topologyKey: {{ index . 1 }}
    whenUnsatisfiable: {{ ternary "DoNotSchedule" "ScheduleAnyway" (eq (index . 0) "required") }}
    labelSelector:
      matchLabels: {{- include "genred.selector" $ | nindent 8 }}
        app.kubernetes.io/component: worker
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
