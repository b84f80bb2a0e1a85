{{/* The names and labels of all objects, and what several pods have in common. */}}

{{- define "kraken-book.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "kraken-book.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 34 | trimSuffix "-" -}}
{{- else if contains (include "kraken-book.name" .) .Release.Name -}}
{{- .Release.Name | trunc 34 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "kraken-book.name" .) | trunc 34 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels by which pods are selected. Arguments: root, component, and for a collector more. */}}
{{- define "kraken-book.selector" -}}
app.kubernetes.io/name: {{ include "kraken-book.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .more }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "kraken-book.labels" -}}
{{ include "kraken-book.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The reference of an image. Arguments: image, tag (the default). */}}
{{- define "kraken-book.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .tag }}
{{- end -}}
{{- end -}}

{{/* A value as the text of a variable. Helm reads numbers as floats, and prints 1000000 as 1e+06. */}}
{{- define "kraken-book.text" -}}
{{- if kindIs "float64" . -}}
{{- if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* The variables of a container: a dictionary of settings. */}}
{{- define "kraken-book.settings" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ include "kraken-book.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* A variable from a key of a Secret. Arguments: name, secret, key. */}}
{{- define "kraken-book.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{- define "kraken-book.redisName" -}}
{{ include "kraken-book.fullname" . }}-redis
{{- end -}}

{{- define "kraken-book.redisSecret" -}}
{{ .Values.redis.existingSecret | default (include "kraken-book.redisName" .) }}
{{- end -}}

{{/* REDIS_URL of a service. Arguments: root, user (collector or api). */}}
{{- define "kraken-book.redisEnv" -}}
{{- $redis := .root.Values.redis -}}
{{- if $redis.bundled -}}
{{ include "kraken-book.fromSecret" (dict "name" "BUNDLED_PASSWORD" "secret" (include "kraken-book.redisSecret" .root) "key" (printf "%s-password" .user)) }}
- name: REDIS_URL
  value: redis://{{ .user }}:$(BUNDLED_PASSWORD)@{{ include "kraken-book.redisName" .root }}:6379/0
{{- else if $redis.external.existingSecret -}}
{{ include "kraken-book.fromSecret" (dict "name" "REDIS_URL" "secret" $redis.external.existingSecret "key" (get $redis.external (printf "%sKey" .user))) }}
{{- else -}}
- name: REDIS_URL
  value: {{ required "redis.external.url or redis.external.existingSecret is needed if redis.bundled is false" $redis.external.url | quote }}
{{- end }}
{{- if and (eq .user "api") (not $redis.bundled) $redis.external.accessKey }}
{{ include "kraken-book.fromSecret" (dict "name" "API_ACCESS_REDIS_URL" "secret" (required "redis.external.accessKey needs redis.external.existingSecret" $redis.external.existingSecret) "key" $redis.external.accessKey) }}
{{- end }}
{{- end -}}

{{- define "kraken-book.hasRedisTls" -}}
{{- if and (not .Values.redis.bundled) .Values.redis.external.tlsSecret }}yes{{ end -}}
{{- end -}}

{{/* The path below which the api is served; empty for /. */}}
{{- define "kraken-book.rootPath" -}}
{{- $paths := list -}}
{{- if .Values.ingress.enabled }}{{ $paths = append $paths .Values.ingress.path }}{{ end -}}
{{- if .Values.gateway.enabled }}{{ $paths = append $paths .Values.gateway.path }}{{ end -}}
{{- $paths = $paths | uniq -}}
{{- if gt (len $paths) 1 }}{{ fail "ingress.path and gateway.path differ, but the api has one path" }}{{ end -}}
{{- range $paths }}{{ trimSuffix "/" . }}{{ end -}}
{{- end -}}

{{/* The hosts that requests may name: those of Ingress and Gateway, and the Service's names. */}}
{{- define "kraken-book.hosts" -}}
{{- $hosts := list -}}
{{- if .Values.ingress.enabled }}{{ $hosts = concat $hosts .Values.ingress.hosts }}{{ end -}}
{{- if .Values.gateway.enabled }}{{ $hosts = concat $hosts .Values.gateway.hostnames }}{{ end -}}
{{- if $hosts -}}
{{- $api := printf "%s-api" (include "kraken-book.fullname" .) -}}
{{- $local := list $api (printf "%s.%s" $api .Release.Namespace) (printf "%s.%s.svc" $api .Release.Namespace) (printf "%s.%s.svc.cluster.local" $api .Release.Namespace) -}}
{{- join "," (concat $hosts $local | uniq) -}}
{{- end -}}
{{- end -}}

{{/* Seconds from SIGTERM's announcement until a replica of the api is killed. */}}
{{- define "kraken-book.apiGrace" -}}
{{- $drain := .Values.api.settings.API_DRAIN | default 5 -}}
{{- add .Values.api.preStopSeconds (ceil (float64 $drain)) 5 -}}
{{- end -}}

{{- define "kraken-book.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .group }}
fsGroup: {{ .group }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "kraken-book.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Where pods run. Arguments: values (of a service), labels (the selector of its pods). */}}
{{- define "kraken-book.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .values.topologySpread }}
topologySpreadConstraints:
{{- range .values.topologySpread.topologyKeys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $.values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels: {{- $.labels | nindent 8 }}
{{- end }}
{{- end }}
{{- end -}}
