# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people run: real programs in images as the hubs have them. Each answers through its published port, says in its log what
it does, stops at its signal, and has its data when it is started again."""

import os
import re
import struct
import subprocess

from bundles import owned
from shape import made, script
from tools import info, until

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def ids(layer, user):
    """The numbers that a package gave its user."""
    table = (made(layer, "base") / "tree/etc/passwd").read_text()
    return tuple(map(int, re.search(f"^{user}:[^:]*:([0-9]+):([0-9]+):", table, re.M).groups()))


def test_nginx(shape):
    """Logs to the standard streams by name, as root first and then as www-data."""
    nginx = shape("nginx", ["base", "nginx"], [
        ("var/log/nginx/access.log", "/dev/stdout"), ("var/log/nginx/error.log", "/dev/stderr"),
        owned("var/www/html/empty"),
        script("docker-entrypoint.sh", '#!/bin/sh\nset -e\necho "$0: Configuration complete" >&2\nexec "$@"\n')],
        Env=[PATH, "NGINX_VERSION=1"], Entrypoint=["/docker-entrypoint.sh"], Cmd=["nginx", "-g", "daemon off;"],
        ExposedPorts={"80/tcp": {}}, StopSignal="SIGQUIT")
    nginx.run(80)
    nginx.get("Welcome to nginx", "/")
    nginx.get("403 Forbidden", "/empty/")
    nginx.logged("Configuration complete")
    nginx.logged("GET /empty/")
    nginx.logged('directory index of "/var/www/html/empty/" is forbidden')
    assert nginx.inside("ps -o user= -C nginx").split() == ["root"] + ["www-data"] * (os.cpu_count() or 1)
    # As its image's users reload and test it.
    nginx.inside("nginx -t")
    nginx.inside("nginx -s reload")
    nginx.get("Welcome to nginx")
    nginx.stops()
    nginx.starts()
    nginx.get("Welcome to nginx")


def test_nginx_with_a_page_of_the_users(host, shape):
    """The hub's first example: -v ~/site:/usr/share/nginx/html:ro, and -P."""
    nginx = shape("nginx-page", ["base", "nginx"], [
        ("var/log/nginx/access.log", "/dev/stdout"), ("var/log/nginx/error.log", "/dev/stderr")],
        Env=[PATH], Cmd=["nginx", "-g", "daemon off;"], ExposedPorts={"80/tcp": {}}, StopSignal="SIGQUIT")
    # The throwaway host's own file system is an overlay, which can not be idmapped.
    host.run("root", "mkdir -p ~alice/site && mount -t tmpfs -o uid=1000,gid=1000,mode=755 none ~alice/site", check=True)
    try:
        host.run("alice", "echo her own page >~/site/index.html", check=True)
        nginx.run(None, "-P", "-v", "/home/alice/site:/var/www/html:ro")
        port, = info(host, "s1")["ports"]
        nginx.get("her own page", "/index.html", port=port["host"])
        nginx.stops()
    finally:
        host.run("root", "umount -l ~alice/site", check=True)


def test_nginx_without_root(shape):
    """nginxinc/nginx-unprivileged: all as a user that is in no table, a tmp of its own, port 8080 and one below 1024."""
    config = """
pid /tmp/nginx.pid;
error_log /dev/stderr notice;
events {}
http {
  access_log /dev/stdout;
  client_body_temp_path /tmp/client; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen 8080; listen 80; root /var/www/html; location / { return 200 "as $pid"; } }
}
"""
    nginx = shape("unprivileged", ["base", "nginx"], [script("etc/nginx/nginx.conf", config, 0o644)],
                  Env=[PATH], User="101:101", Cmd=["nginx", "-g", "daemon off;"], StopSignal="SIGQUIT")
    nginx.run(80)
    nginx.get("as ")
    nginx.logged("GET / HTTP/1.0")
    nginx.stops()


def test_apache(shape):
    """php:apache's links, httpd-foreground, and SIGWINCH."""
    apache = shape("apache", ["base", "apache"], [
        ("var/log/apache2/access.log", "/dev/stdout"), ("var/log/apache2/error.log", "/dev/stderr"),
        ("var/log/apache2/other_vhosts_access.log", "/dev/stdout"),
        script("usr/local/bin/apache2-foreground", "#!/bin/bash\nset -e\n. /etc/apache2/envvars\n"
               "mkdir -p $APACHE_RUN_DIR $APACHE_LOCK_DIR\nrm -f $APACHE_PID_FILE\nexec apache2 -DFOREGROUND \"$@\"\n")],
        Env=[PATH], WorkingDir="/var/www/html", Cmd=["apache2-foreground"], ExposedPorts={"80/tcp": {}}, StopSignal="SIGWINCH")
    apache.run(80)
    apache.get("Apache2 Debian Default Page")
    apache.logged("GET / HTTP/1.0")
    apache.logged("resuming normal operations")
    apache.inside("apache2ctl graceful")
    apache.logged("Doing graceful restart")
    apache.get("Apache2 Debian Default Page")
    apache.stops()
    apache.starts()
    apache.get("Apache2 Debian Default Page")


POSTGRES = """#!/bin/bash
set -Eeo pipefail
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 00700 "$PGDATA"
  mkdir -p /var/run/postgresql
  chmod 03775 /var/run/postgresql
  find "$PGDATA" \\! -user postgres -exec chown postgres '{}' +
  find /var/run/postgresql \\! -user postgres -exec chown postgres '{}' +
  exec setpriv --reuid postgres --regid postgres --init-groups -- "$BASH_SOURCE" "$@"
fi
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username=postgres --pwfile=<(printf '%s\\n' "$POSTGRES_PASSWORD") --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all trust' >>"$PGDATA/pg_hba.conf"
  pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  psql -v ON_ERROR_STOP=1 --username postgres --no-password --dbname postgres -c 'CREATE DATABASE app'
  pg_ctl -D "$PGDATA" -m fast -w stop
  echo 'PostgreSQL init process complete; ready for start up.'
else
  echo 'PostgreSQL Database directory appears to contain a database; Skipping initialization'
fi
exec "$@" -c 'listen_addresses=*'
"""


def startup(**words):
    """The first packet of PostgreSQL's protocol, and a query behind it."""
    text = b"".join(f"{name}\0{value}\0".encode() for name, value in words.items()) + b"\0"
    return struct.pack("!II", len(text) + 8, 196608) + text


def query(text):
    words = text.encode() + b"\0"
    return b"Q" + struct.pack("!I", len(words) + 4) + words


def postgres(shape, name="postgres", **settings):
    return shape(name, ["base", "postgres"], [
        script("usr/local/bin/docker-entrypoint.sh", POSTGRES),
        owned("var/lib/postgresql/data", *ids("postgres", "postgres"), mode=0o1777), owned("docker-entrypoint-initdb.d")],
        **{"Env": [PATH, "PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8"], "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["postgres"],
           "Volumes": {"/var/lib/postgresql/data": {}}, "ExposedPorts": {"5432/tcp": {}}, "StopSignal": "SIGINT", **settings})


ASKED = startup(user="postgres", database="app") + query("SELECT 'rows: ' || count(*) FROM t")


def test_postgres(host, shape):
    """Chowns its volume, becomes postgres, makes its cluster, and keeps it: in the container, and in a volume of a name."""
    db = postgres(shape)
    db.run(5432, "-e", "POSTGRES_PASSWORD=secret", "-v", "pgdata:/var/lib/postgresql/data")
    db.logged("ready for start up", 90)
    db.answers(startup(user="postgres", database="app"), "server_version")
    db.inside("psql -h /run/postgresql -d app -c 'CREATE TABLE t AS SELECT 1' ", "-u", "postgres")
    db.answers(ASKED, "rows: 1")
    assert db.inside("stat -c %U:%a $PGDATA", "-e", "PGDATA=/var/lib/postgresql/data") == "postgres:700"
    # Huge shared buffers and parallel workers take /dev/shm.
    db.inside("psql -U postgres -d app -c 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; "
              "SET parallel_tuple_cost = 0; SELECT count(*) FROM generate_series(1, 100000) a'")
    db.stops()
    assert "database system is shut down" in db.logs()
    db.starts()
    db.logged("Skipping initialization")
    db.answers(ASKED, "rows: 1")
    # Upgrades are made so: another container, the same volume.
    host.run("alice", "bothy", "delete", "--force", "s1", check=True)
    db.run(5432, "-v", "pgdata:/var/lib/postgresql/data")
    db.answers(ASKED, "rows: 1")
    db.stops()


def test_postgres_as_its_user(shape):
    """User of the image: the volume is his, and nothing is chowned."""
    db = postgres(shape, "postgres-user", User="postgres")
    db.run(5432, "-e", "POSTGRES_PASSWORD=secret")
    db.answers(startup(user="postgres", database="app"), "server_version", 90)
    db.stops()
    db.starts()
    db.answers(startup(user="postgres", database="app"), "server_version")
    db.stops()


MARIADB = """#!/bin/bash
set -eo pipefail
if [ "$(id -u)" = 0 ]; then
  mkdir -p /var/lib/mysql /run/mysqld
  find /var/lib/mysql /run/mysqld \\! -user mysql -exec chown mysql: '{}' +
  exec setpriv --reuid mysql --regid mysql --init-groups -- "${BASH_SOURCE[0]}" "$@"
fi
if [ ! -d /var/lib/mysql/mysql ]; then
  mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db
  "$@" --skip-networking &
  pid=$!
  until mariadb -u root -e 'SELECT 1' >/dev/null 2>&1; do sleep 0.2; done
  mariadb -u root -e "CREATE DATABASE app; CREATE TABLE app.t (n INT) ENGINE=InnoDB; INSERT INTO app.t VALUES (41)"
  kill $pid
  wait $pid
  echo 'MariaDB init process done. Ready for start up.'
fi
exec "$@"
"""


def test_mariadb(shape):
    db = shape("mariadb", ["base", "mariadb"], [
        script("usr/local/bin/docker-entrypoint.sh", MARIADB), owned("var/lib/mysql", 0, 0), ("var/lib/mysql/.wh..wh..opq", b""),
        owned("run/mysqld", mode=0o1777),
        script("etc/mysql/mariadb.conf.d/99-docker.cnf", "[mariadbd]\nhost-cache-size=0\nskip-name-resolve\nbind-address=*\n", 0o644)],
        Env=[PATH], Entrypoint=["docker-entrypoint.sh"], Cmd=["mariadbd"], Volumes={"/var/lib/mysql": {}},
        ExposedPorts={"3306/tcp": {}})
    db.run(3306)
    db.logged("Ready for start up", 90)
    db.answers("", "MariaDB")
    assert db.inside("mariadb -N -e 'SELECT n FROM app.t'") == "41"
    db.stops(10)
    assert "Shutdown complete" in db.logs()
    db.starts()
    db.answers("", "MariaDB")
    assert db.inside("mariadb -N -e 'SELECT n FROM app.t'") == "41"
    db.stops(10)


REDIS = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
  set -- redis-server "$@"
fi
if [ "$1" = redis-server -a "$(id -u)" = 0 ]; then
  find . \\! -user redis -exec chown redis '{}' +
  exec setpriv --reuid redis --regid redis --clear-groups --inh-caps=-all --bounding-set=-all -- "$0" "$@"
fi
um=$(umask)
if [ "$um" = 0022 ]; then
  umask 0077
fi
exec "$@"
"""


def redis(shape, name="redis", **settings):
    return shape(name, ["base", "redis"], [
        script("usr/local/bin/docker-entrypoint.sh", REDIS), owned("data", *ids("redis", "redis"))],
        **{"Env": [PATH], "Entrypoint": ["docker-entrypoint.sh"], "WorkingDir": "/data", "Volumes": {"/data": {}},
           "Cmd": ["redis-server", "--protected-mode", "no"], "ExposedPorts": {"6379/tcp": {}}, **settings})


def keeps_keys(it):
    it.answers("PING\r\n", "+PONG")
    assert it.ask("SET key value\r\n", "+OK") == "+OK\r\n"
    # It forks to save.
    assert "Background saving started" in it.ask("BGSAVE\r\n", "\r\n")
    it.logged("DB saved on disk")
    it.stops()
    assert "bye bye" in it.logs()
    it.starts()
    it.answers("PING\r\n", "+PONG")
    assert it.ask("GET key\r\n", "value") == "$5\r\nvalue\r\n"
    it.stops()


def test_redis(shape):
    """From root to redis by the entrypoint, without any capability left."""
    it = redis(shape)
    it.run(6379)
    keeps_keys(it)


def test_redis_as_its_user(shape):
    """User of the image: the volume is his."""
    it = redis(shape, "redis-user", User="redis")
    it.run(6379)
    it.answers("PING\r\n", "+PONG")
    assert it.inside("id -un; stat -c %U /data; ps -o user= -C redis-server") == "redis\nredis\nredis"
    keeps_keys(it)


def test_redis_with_arguments_and_a_volume(host, shape):
    """What the hub's page has: run redis --save 60 1 --appendonly yes, with a volume of a name."""
    it = redis(shape)
    it.run(6379, "-v", "keys:/data", command=["redis-server", "--protected-mode", "no", "--appendonly", "yes"])
    it.answers("PING\r\n", "+PONG")
    assert it.ask("SET key value\r\n", "+OK") == "+OK\r\n"
    host.run("alice", "bothy", "kill", "s1", check=True)
    host.run("alice", "bothy", "wait", "--timeout", "10", "s1", check=True)
    it.starts()
    it.answers("PING\r\n", "+PONG")
    assert it.ask("GET key\r\n", "value") == "$5\r\nvalue\r\n"
    it.stops()


def test_memcached(shape):
    it = shape("memcached", ["base", "memcached"], Env=[PATH], User="memcache", Cmd=["memcached"], ExposedPorts={"11211/tcp": {}})
    it.run(11211, command=["memcached", "-m", "64", "-v"])
    it.answers("version\r\n", "VERSION")
    assert it.ask("set k 0 0 5\r\nvalue\r\n", "STORED") == "STORED\r\n"
    assert "value" in it.ask("get k\r\n", "END")
    it.stops()


def fastcgi(**words):
    """A request of FastCGI's, whole."""
    def record(kind, data):
        return struct.pack("!BBHHBx", 1, kind, 1, len(data), 0) + data

    pairs = b"".join(bytes((len(name), len(value))) + (name + value).encode() for name, value in words.items())
    return record(1, struct.pack("!HB5x", 1, 0)) + record(4, pairs) + record(4, b"") + record(5, b"")


def test_php_fpm(shape):
    """The hub's configuration: everything to /proc/self/fd/2, the workers' words as well, which are www-data's."""
    pool = """[global]
error_log = /proc/self/fd/2
log_limit = 8192
daemonize = no
[www]
user = www-data
group = www-data
listen = 9000
pm = static
pm.max_children = 2
access.log = /proc/self/fd/2
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
"""
    page = "<?php error_log('from the page'); file_put_contents('php://stderr', \"by name\\n\"); echo 'php as ' . get_current_user() . posix_getuid();\n"
    it = shape("php", ["base", "php"], [
        script("etc/php-fpm.conf", pool, 0o644), owned("var/www/html", uid=33, gid=33),
        script("var/www/html/index.php", page, 0o644),
        script("usr/local/bin/start", "#!/bin/sh\nexec /usr/sbin/php-fpm[0-9]* -F -y /etc/php-fpm.conf \"$@\"\n")],
        Env=[PATH], WorkingDir="/var/www/html", Entrypoint=["start"], ExposedPorts={"9000/tcp": {}}, StopSignal="SIGQUIT")
    it.run(9000)
    it.logged("ready to handle connections", 60)
    it.answers(fastcgi(SCRIPT_FILENAME="/var/www/html/index.php", REQUEST_METHOD="GET", REQUEST_URI="/index.php",
                       SCRIPT_NAME="/index.php"), "php as root33")
    it.logged("from the page")
    it.logged("by name")
    it.logged('"GET /index.php" 200')
    it.stops()
    it.starts()
    it.logged("exiting, bye-bye!")


def test_rabbitmq(shape):
    """Erlang, epmd, and a name of its own that has to resolve."""
    it = shape("rabbitmq", ["base", "rabbitmq"], [
        script("usr/local/bin/docker-entrypoint.sh", "#!/bin/bash\nset -euo pipefail\nif [ \"$(id -u)\" = 0 ]; then\n"
               "find /var/lib/rabbitmq \\! -user rabbitmq -exec chown rabbitmq '{}' +\n"
               "exec setpriv --reuid rabbitmq --regid rabbitmq --init-groups -- \"$BASH_SOURCE\" \"$@\"\nfi\nexec \"$@\"\n")],
        Env=[PATH, "HOME=/var/lib/rabbitmq", "LANG=C.UTF-8", "RABBITMQ_LOGS=-"],
        Entrypoint=["docker-entrypoint.sh"], Cmd=["/usr/lib/rabbitmq/bin/rabbitmq-server"],
        Volumes={"/var/lib/rabbitmq": {}}, ExposedPorts={"5672/tcp": {}})
    it.run(5672)
    it.answers(b"AMQP\0\0\x09\x01", "RabbitMQ", 120)
    it.logged("Server startup complete")
    assert "rabbit@s1" in it.inside("rabbitmqctl -q status", "-u", "rabbitmq", "-e", "HOME=/var/lib/rabbitmq")
    it.stops(15)
    it.starts()
    it.answers(b"AMQP\0\0\x09\x01", "RabbitMQ", 120)
    it.stops(15)


NODE = """
const http = require('http');
const server = http.createServer((request, answer) => { console.log('asked for ' + request.url); answer.end('node ' + process.version); });
server.listen(3000, () => console.log('listening'));
process.on('SIGTERM', () => { console.error('closing'); server.close(() => process.exit(0)); server.closeAllConnections?.(); });
"""


def test_node(shape):
    """As the documentation of node has it: USER node, WORKDIR of his, CMD node server.js."""
    it = shape("node", ["base", "node"], [
        script("etc/passwd", "root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n", 0o644),
        script("etc/group", "root:x:0:\nnode:x:1000:\n", 0o644),
        owned("home/node", 1000, 1000), owned("home/node/app", 1000, 1000),
        owned("home/node/app/server.js", 1000, 1000, 0o644, NODE.encode()),
        script("usr/local/bin/docker-entrypoint.sh", "#!/bin/sh\nset -e\n"
               'if [ "${1#-}" != "${1}" ] || [ -z "$(command -v "${1}")" ]; then set -- node "$@"; fi\nexec "$@"\n')],
        Env=[PATH], User="node", WorkingDir="/home/node/app", Entrypoint=["docker-entrypoint.sh"], Cmd=["server.js"],
        ExposedPorts={"3000/tcp": {}})
    it.run(3000)
    it.get("node v", "/some/where")
    it.logged("listening")
    it.logged("asked for /some/where")
    it.stops()
    it.logged("closing")


def test_python(shape):
    """Without a handler, as the first process, whom a signal without one does not end: as quick as with docker run --init."""
    it = shape("python", ["base", "python"], [owned("srv"), script("srv/page", "served\n", 0o644)],
               Env=[PATH, "PYTHONUNBUFFERED=1"], WorkingDir="/srv", Cmd=["python3", "-m", "http.server", "8000"],
               ExposedPorts={"8000/tcp": {}}, StopSignal="SIGINT")
    it.run(8000)
    it.get("served", "/page")
    it.logged("Serving HTTP on 0.0.0.0 port 8000")
    it.logged("GET /page")
    it.stops()
    it.starts()
    it.get("served", "/page")


GO = """
package main

import ("fmt"; "log"; "net"; "net/http"; "os"; "os/signal"; "os/user"; "syscall"; "time")

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		u, err := user.Current()
		names, lookup := net.LookupHost("localhost")
		name, _ := os.Hostname()
		log.Print("asked for ", r.URL.Path)
		fmt.Fprintln(w, "go", os.Getuid(), u, err, names, lookup, name, time.Now().Location(), os.TempDir())
	})
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() { <-end; log.Print("bye"); os.Exit(0) }()
	log.Fatal(http.ListenAndServe(":80", nil))
}
"""


def test_go_from_scratch(shape, tmp_path_factory):
    """One static program is the image; a user that has no name listens at port 80."""
    built = tmp_path_factory.mktemp("go")
    (built / "server.go").write_text(GO)
    subprocess.run(["go", "build", "-ldflags=-s -w", "-o", built / "server", built / "server.go"], check=True, timeout=600,
                   env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GO111MODULE": "off",
                        "GOCACHE": os.path.join(os.environ.get("XDG_CACHE_HOME", "/var/cache"), "bothy-tests/go")})
    it = shape("go", [], [owned("server", content=(built / "server").read_bytes())], Entrypoint=["/server"], User="65532:65532",
               ExposedPorts={"80/tcp": {}})
    it.run(80)
    said = it.get("go 65532")
    assert "127.0.0.1" in said and " s1 " in said
    it.logged("asked for /")
    it.stops()
    it.starts()
    it.get("go 65532")
    it.stops()


def test_distroless(host, shape):
    """No shell, no tools, no package manager: a program, its libraries, certificates, and a table of users."""
    lower = made("memcached", "base") / "tree"
    program = lower / "usr/bin/memcached"
    base = made("base") / "tree"
    entries, listed = [owned("usr"), owned("usr/bin"), owned("usr/bin/memcached", content=program.read_bytes())], set()
    found = subprocess.run(["ldd", program], check=True, text=True, stdout=subprocess.PIPE).stdout
    for path in re.findall(r"(/\S+) \(0x", found):
        real = next(root / name for root in (lower, base) for name in (path.lstrip("/"), "usr" + path) if os.path.exists(root / name))
        entries.append(owned(path.lstrip("/"), content=real.read_bytes()))
        listed.add(path)
    assert listed
    entries += [script("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n", 0o644),
                script("etc/group", "root:x:0:\nnonroot:x:65532:\n", 0o644), script("etc/nsswitch.conf", "hosts: files dns\n", 0o644),
                owned("home/nonroot", 65532, 65532, 0o700), owned("tmp", mode=0o1777)]
    it = shape("distroless", [], entries, Env=[PATH], User="65532", WorkingDir="/home/nonroot", Entrypoint=["/usr/bin/memcached", "-U", "0"],
               ExposedPorts={"11211/tcp": {}})
    it.run(11211)
    it.answers("version\r\n", "VERSION")
    no_shell = host.run("alice", "bothy", "exec", "s1", "--", "sh")
    assert no_shell.returncode == 127 and "sh" in no_shell.stderr
    # Files go in and out all the same.
    host.run("alice", "bothy cp /etc/hostname s1:/tmp/copied && bothy cp s1:/etc/passwd /tmp/from-s1 && grep -q nonroot /tmp/from-s1", check=True)
    it.stops()


SSHD = """#!/bin/sh
set -e
ssh-keygen -A
mkdir -p /run/sshd /root/.ssh
chmod 700 /root/.ssh
[ -e /root/key ] || ssh-keygen -q -t ed25519 -N '' -f /root/key
cp /root/key.pub /root/.ssh/authorized_keys
id dora >/dev/null 2>&1 || useradd -m -s /bin/sh dora
echo dora:secret | chpasswd
exec "$@"
"""
LOGIN = "ssh -i /root/key -o StrictHostKeyChecking=no -o BatchMode=yes"


def test_sshd(shape):
    """Logins with PAM, a terminal and a user that was made inside; its privilege separation and seccomp sandbox."""
    it = shape("sshd", ["base", "sshd"], [script("start", SSHD)], Env=[PATH], Entrypoint=["/start"],
               Cmd=["/usr/sbin/sshd", "-D", "-e"], ExposedPorts={"22/tcp": {}})
    it.run(22)
    it.answers("", "SSH-2.0-OpenSSH")
    assert it.inside(f"{LOGIN} root@127.0.0.1 'id -un; cat /proc/self/loginuid'").split()[0] == "root"
    assert "/dev/pts/" in it.inside(f"{LOGIN} -tt root@127.0.0.1 tty </dev/null")
    it.inside("mkdir -p /home/dora/.ssh; cp /root/key.pub /home/dora/.ssh/authorized_keys; chown -R dora: /home/dora/.ssh; chmod 700 /home/dora/.ssh")
    assert it.inside(f"{LOGIN} dora@127.0.0.1 'id -un; pwd; ulimit -n >/dev/null && echo fine'") == "dora\n/home/dora\nfine"
    assert it.inside("echo put /etc/hostname name | sftp -b - -i /root/key -o StrictHostKeyChecking=no dora@127.0.0.1 >/dev/null; cat /home/dora/name") == "s1"
    it.logged("Accepted publickey for dora")
    it.stops()
    it.starts()
    it.answers("", "SSH-2.0-OpenSSH")
    it.stops()


def test_cron(host, shape):
    """cron -f, whose jobs write to the streams of the first process: how images with cron have their logs."""
    it = shape("cron", ["base", "cron"], [
        script("etc/cron.d/at-start", "SHELL=/bin/sh\n@reboot root echo job of $(id -un) >/proc/1/fd/1 2>&1\n"
               "@reboot nobody echo job of $(id -un) >/tmp/nobody 2>&1\n", 0o644)],
        Env=[PATH], Cmd=["cron", "-f"])
    it.run(None)
    it.logged("job of root", 20)
    until(lambda: host.run("alice", "bothy exec s1 -- cat /tmp/nobody").stdout == "job of nobody\n", what=it.what)
    it.stops()


def settled(it):
    """Waits until systemd is up; what failed then."""
    it.inside("timeout 90 sh -c 'until [ -S /run/systemd/private ]; do sleep 0.1; done'")
    it.inside("systemctl is-system-running --wait || true")
    failed = it.inside("systemctl --failed --no-legend --plain")
    return failed and failed + "\n" + it.inside("journalctl -b -p warning --no-pager | tail -n 60")


def test_services_below_systemd(shape):
    """A whole Debian, with services as their packages have them: sandboxed as their units say, reached through ports."""
    it = shape("services", ["base", "systemd", "services"], [
        script("etc/redis/redis.conf", "bind 0.0.0.0\nprotected-mode no\ndaemonize yes\nsupervised systemd\ndir /var/lib/redis\n"
               "pidfile /run/redis/redis-server.pid\nlogfile /var/log/redis/redis-server.log\n", 0o644),
        script("etc/postgresql-common/createcluster.conf", "listen_addresses = '*'\n", 0o644)])
    ports = {18081: 80, 18082: 6379, 18083: 5432, 18084: 22}
    # redis-server.service has PrivateUsers=, which is done without.
    it.run(None, *(word for outer, inner in ports.items() for word in ("-p", f"{outer}:{inner}")))
    assert settled(it) == ""
    it.get("Welcome to nginx", port=18081)
    it.answers("PING\r\n", "+PONG", port=18082)
    it.answers("", "SSH-2.0-OpenSSH", port=18084)
    it.inside("psql -c 'CREATE TABLE t AS SELECT 1'", "-u", "postgres")
    it.inside("cd /etc/postgresql/*/main && echo 'host all all all trust' >>pg_hba.conf && echo \"listen_addresses = '*'\" >>postgresql.conf && "
              "systemctl restart postgresql")
    asked = startup(user="postgres", database="postgres") + query("SELECT 'rows: ' || count(*) FROM t")
    it.answers(asked, "rows: 1", port=18083)
    assert it.ask("SET key value\r\n", "+OK", port=18082) == "+OK\r\n"
    # journald has what they say, and the console what systemd says.
    assert "redis" in it.inside("journalctl -b -u redis-server --no-pager")
    it.stops(20)
    it.starts()
    it.answers(asked, "rows: 1", port=18083)
    it.answers("GET key\r\n", "value", port=18082)
    it.get("Welcome to nginx", port=18081)
    assert settled(it) == ""
    it.stops(20)
