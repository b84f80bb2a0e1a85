{{/* A StatefulSet: leader and standby of one shard of one venue, and their PodDisruptionBudget.
Arguments: root, venue, shard, count, values (of the collectors), own (settings of the venue). */}}
{{- define "kraken-book.collector" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $name := printf "%s-%s-%d-of-%d" (include "kraken-book.fullname" $root) .venue .shard .count -}}
{{- $more := dict "kraken-book/venue" .venue "kraken-book/shard" (printf "%d-of-%d" .shard .count) -}}
{{- $pods := dict "root" $root "component" "collector" "more" $more -}}
{{- $settings := mergeOverwrite (deepCopy $root.Values.settings) $values.settings (.own | default dict) -}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels: {{- include "kraken-book.labels" $pods | nindent 4 }}
spec:
  serviceName: {{ include "kraken-book.fullname" $root }}-collector
  replicas: {{ $values.replicas }}
  # The lease in Redis decides which one leads, so they need no order at start.
  podManagementPolicy: Parallel
  # One after the other, each when the one before has been ready for minReadySeconds.
  updateStrategy: {type: RollingUpdate}
  minReadySeconds: {{ $values.minReadySeconds }}
  selector:
    matchLabels: {{- include "kraken-book.selector" $pods | nindent 6 }}
  template:
    metadata:
      labels: {{- include "kraken-book.selector" $pods | nindent 8 }}
        {{- with $values.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with $values.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "kraken-book.fullname" $root }}
      automountServiceAccountToken: false
      # Variables such as API_PORT of other Services.
      enableServiceLinks: false
      # It writes the waiting events and releases its lease, in about a second.
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      securityContext: {{- include "kraken-book.podSecurity" (dict "user" 10001 "group" 10001) | nindent 8 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with include "kraken-book.placement" (dict "values" $values "labels" (include "kraken-book.selector" $pods)) | trim }}{{ nindent 6 . }}{{ end }}
      containers:
        - name: collector
          image: {{ include "kraken-book.image" (dict "image" $root.Values.image "tag" $root.Chart.AppVersion) }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [collector]
          env:
            {{- include "kraken-book.redisEnv" (dict "root" $root "user" "collector") | nindent 12 }}
            - name: COLLECTOR_VENUE
              value: {{ .venue }}
            - name: COLLECTOR_SHARD
              value: {{ .shard }}/{{ .count }}
            - name: COLLECTOR_PORT
              value: "9820"
            {{- if $values.tape.enabled }}
            - name: COLLECTOR_TAPE
              value: /tape
            {{- end }}
            {{- include "kraken-book.settings" $settings | trim | nindent 12 }}
          ports:
            - {name: ops, containerPort: 9820}
          startupProbe:
            httpGet: {path: /healthz, port: ops}
            periodSeconds: 2
            failureThreshold: 30
          # It never asks Redis or the venue, so their outages restart nothing.
          livenessProbe:
            httpGet: {path: /healthz, port: ops}
            periodSeconds: 10
            timeoutSeconds: 3
            failureThreshold: 3
          # So the next one is replaced only when this one could lead.
          readinessProbe:
            httpGet: {path: /readyz, port: ops}
            periodSeconds: 5
            timeoutSeconds: 3
          securityContext: {{- include "kraken-book.containerSecurity" $root | nindent 12 }}
          resources: {{- toYaml $values.resources | nindent 12 }}
          {{- if or $values.tape.enabled (include "kraken-book.hasRedisTls" $root) }}
          volumeMounts:
            {{- if $values.tape.enabled }}
            - {name: tape, mountPath: /tape}
            {{- end }}
            {{- if include "kraken-book.hasRedisTls" $root }}
            - {name: redis-tls, mountPath: /redis-tls, readOnly: true}
            {{- end }}
          {{- end }}
      {{- if include "kraken-book.hasRedisTls" $root }}
      volumes:
        - name: redis-tls
          secret: {secretName: {{ $root.Values.redis.external.tlsSecret }}}
      {{- end }}
  {{- if $values.tape.enabled }}
  # Each collector records into a folder of its own.
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: tape
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $values.tape.storageClassName }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ $values.tape.size }}
  {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels: {{- include "kraken-book.labels" $pods | nindent 4 }}
spec:
  # Pods that are not ready may always be evicted.
  unhealthyPodEvictionPolicy: AlwaysAllow
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "kraken-book.selector" $pods | nindent 6 }}
{{- end -}}
