# What is deployed, in one image, and nothing of the sandbox or the tests. The compose file mounts the checkout's folders over it.
FROM apache/airflow:3.3.2

COPY requirements.txt /opt/dw/requirements.txt
# `pip check`: the base image brings Celery, FAB and Redis in versions of its own, which have to agree with ours.
RUN uv pip install --no-cache --compile-bytecode -r /opt/dw/requirements.txt && pip check

COPY LICENSE NOTICE /opt/dw/
COPY --chown=airflow:0 config /opt/airflow/config
COPY --chown=airflow:0 deploy/init /opt/airflow/deploy/init
COPY --chown=airflow:0 sql /opt/airflow/sql
COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 dags /opt/airflow/dags

ENV PYTHONPATH=/opt/airflow:/opt/airflow/config \
    GX_ANALYTICS_ENABLED=false
