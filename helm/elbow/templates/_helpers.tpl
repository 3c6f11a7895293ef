{{- define "elbow.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "elbow.labels" -}}
app.kubernetes.io/name: elbow-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "elbow.selector" -}}
app.kubernetes.io/name: elbow-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
