"""The Kerberos realm: an MIT KDC of our own, its principals and keytabs, and how long tickets live."""

from __future__ import annotations

import os
import shutil
import subprocess

from cluster.model import REALM, USERS, Cluster, ClusterError, Daemon

KRB5_CONF = """[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  ticket_lifetime = {life}
  renew_lifetime = {renewable}
  clockskew = {skew}
[realms]
  {realm} = {{
    kdc = {address}:{port}
  }}
"""
KDC_CONF = """[kdcdefaults]
  kdc_listen = {address}:{port}
  kdc_tcp_listen = {address}:{port}
[realms]
  {realm} = {{
    database_name = {dir}/principal
    key_stash_file = {dir}/stash
    acl_file = {dir}/kadm5.acl
    max_life = {life}
    max_renewable_life = {renewable}
  }}
"""
CLOCK_SKEW_SECONDS = 5
"""One machine has one clock; the usual 300 s would keep a dead ticket of two minutes alive."""


def path() -> str:
    """The path of programs with the folders where Debian keeps those of the KDC."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def check() -> None:
    missing = [name for name in ("krb5kdc", "kdb5_util", "kadmin.local") if not shutil.which(name, path=path())]
    if missing:
        raise ClusterError(f"no {', '.join(missing)}: --kerberos needs Debian's krb5-kdc and krb5-admin-server")


def environment(cluster: Cluster) -> dict[str, str]:
    """Where every Kerberos library and program finds this realm."""
    kdc = cluster.state / "kdc"
    return {"KRB5_CONFIG": f"{kdc}/krb5.conf", "KRB5_KDC_PROFILE": f"{kdc}/kdc.conf"}


def user_environment(cluster: Cluster, user: str) -> dict[str, str]:
    """How a client logs in as a user, by keytab."""
    kdc = cluster.state / "kdc"
    return {
        "KRB5_CONFIG": f"{kdc}/krb5.conf",
        # MIT's library, and with it hdfs-native
        "KRB5_CLIENT_KTNAME": f"{kdc}/{user}.keytab",
        "KRB5CCNAME": f"{kdc}/{user}.ccache",
        # Hadoop's own tools
        "KRB5PRINCIPAL": f"{user}@{REALM}",
        "KRB5KEYTAB": f"{kdc}/{user}.keytab",
    }


def make(cluster: Cluster) -> None:
    """Makes the realm's database, principals and keytabs, once."""
    kdc = cluster.state / "kdc"
    if (kdc / "done").exists():
        return
    shutil.rmtree(kdc, ignore_errors=True)
    kdc.mkdir(mode=0o700)
    words = {
        "realm": REALM,
        "address": cluster.address,
        "port": cluster.port(Daemon("kdc", 1)),
        "dir": kdc,
        "life": cluster.ticket_life,
        "renewable": cluster.renewable_life,
        "skew": CLOCK_SKEW_SECONDS,
    }
    (kdc / "krb5.conf").write_text(KRB5_CONF.format(**words))
    (kdc / "kdc.conf").write_text(KDC_CONF.format(**words))
    lines = []
    for name, keytab in [(cluster.service, "hdfs"), ("HTTP/localhost", "hdfs"), *((user, user) for user in USERS)]:
        lines += [f"addprinc -randkey {name}", f"ktadd -q -k {kdc}/{keytab}.keytab {name}"]
    program(cluster, ["kdb5_util", "create", "-s", "-r", REALM, "-P", os.urandom(16).hex()])
    program(cluster, ["kadmin.local", "-r", REALM], "\n".join(lines) + "\n")
    (kdc / "done").touch()


def program(cluster: Cluster, command: list[str], text: str = "") -> None:
    env = os.environ | environment(cluster) | {"PATH": path()}
    done = subprocess.run(command, input=text, text=True, env=env, capture_output=True)
    if done.returncode:
        raise ClusterError(f"{command[0]}: {done.stderr.strip()}")
