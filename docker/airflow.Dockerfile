# Airflow with the DAGs, for k8s/components/airflow. One of the images of `make images`:
#
#   docker/images.sh airflow
#
# It puts the locked packages into .foresite/images/airflow first, so that the build needs no network.
ARG PYTHON=python:3.11-slim-bookworm

# With byte code that is checked against nothing: the files of an image never change.
FROM ${PYTHON} AS packages
COPY .foresite/images/airflow /opt/airflow
RUN python3 -m compileall -qq --invalidation-mode unchecked-hash /opt/airflow/lib \
    && find /opt/airflow -exec touch --no-dereference --date=@946684800 {} +

FROM ${PYTHON} AS dags
COPY airflow/dags /opt/foresite/airflow/dags
COPY airflow/plugins /opt/foresite/airflow/plugins
COPY airflow/foresite_airflow /opt/foresite/airflow/foresite_airflow
RUN python3 -m compileall -qq --invalidation-mode unchecked-hash /opt/foresite \
    && find /opt/foresite -exec touch --no-dereference --date=@946684800 {} +

FROM ${PYTHON} AS airflow
RUN echo "foresite:x:10001:10001::/nonexistent:/usr/sbin/nologin" >> /etc/passwd \
    && echo "foresite:x:10001:" >> /etc/group
COPY --from=packages /opt/airflow /opt/airflow
COPY --from=dags /opt/foresite /opt/foresite
# Nothing is written but AIRFLOW_HOME (logs, a generated airflow.cfg) and /tmp, which a pod mounts.
ENV AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/foresite/airflow/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/foresite/airflow/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    PATH=/opt/airflow/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/airflow/lib:/opt/foresite/airflow \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/airflow/bin/airflow"]
