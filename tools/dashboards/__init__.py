"""`make dashboards`: Grafana's dashboards, from a short description.

- `panel`: what a dashboard consists of
- `overview`, `services`: the dashboards
- `grafana`: their JSON for Grafana
- `picture`: a picture of one, from the figures of a real Prometheus
- `stage`: the services and the faults that the pictures show
"""
