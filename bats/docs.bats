#!/usr/bin/env bats
# What the documents show works as it stands there. The demo, the tests, the benchmark, the image and the units have files
# of their own; the plugin's container is run by image.bats with the README's flags.

load helpers

ROOT=$(dirname "$BATS_DIR")

setup_file() { lab_up 1; }

# line REGEX FILE - the command in an indented line of a document.
line() { grep -oP -- "^    \\K$1.*" "$2" | head -1; }

@test "README: the FRR configuration is valid" {
  example frr "$ROOT/README.md" >"$BATS_TEST_TMPDIR/frr.conf"
  grep -q 'route-map containers' "$BATS_TEST_TMPDIR/frr.conf"
  succeeds vtysh -C -f "$BATS_TEST_TMPDIR/frr.conf"
}

@test "README: a network is made and a container reaches the host, with the commands as shown" {
  local create run
  create=$(line 'docker network create' "$ROOT/README.md")
  run=$(line 'docker run -ti --net=mine' "$ROOT/README.md")
  succeeds on 1 sh -c "$create"
  # A terminal, as a person has one, and what a person would type.
  succeeds on 1 script -qec "$run -c 'ip -o addr show eth0; ping -c 1 -W 2 192.0.2.1'" /dev/null
  shows 'inet 10\.1\.0\.2/32'
  shows '1 packets received'
}

@test "README: what was asked for is had with the commands of the table, as shown" {
  on 1 sh -c 'docker network inspect mine >/dev/null 2>&1 || docker network create --internal -d net-routed --ipam-driver ipam-routed --subnet 10.1.0.0/16 mine'
  docker_on 1 tag busybox nginx
  local command count=0
  while read -r command; do
    succeeds on 1 sh -c "${command/% nginx/ nginx sleep 100000}"
    [[ $command != *addresses* ]] || wait_until 5 on 1 ping -c 1 -W 1 10.1.0.7
    count=$((count + 1))
  done < <(sed -n '/^## What Docker/,/^## /p' "$ROOT/README.md" | grep -oP '`\Kdocker [^`]*')
  [ "$count" -ge 5 ]
  equal "$(docker_on 1 network inspect --format '{{.Driver}}' bridged)" net-routed
  on 1 sh -c 'docker rm --force $(docker ps --quiet --filter ancestor=nginx) && docker network rm bridged'
}

@test "README: every target of make that it names exists" {
  local target
  while read -r target; do
    succeeds make -C "$ROOT" -n "$target"
  done < <(grep -ohP '(^    |`)make \K[a-z-]+' "$ROOT/README.md" "$ROOT/CONTRIBUTING.md" | sort -u)
}

@test "README: the program and the units are installed where it says" {
  succeeds env DESTDIR="$BATS_TEST_TMPDIR/root" "$ROOT/systemd/install"
  succeeds "$BATS_TEST_TMPDIR/root/usr/local/bin/net-routed" --version
  matches "$output" '^[0-9]+\.[0-9]+\.[0-9]+$'
  [ -e "$BATS_TEST_TMPDIR/root/etc/systemd/system/net-routed.service" ]
  [ -e "$BATS_TEST_TMPDIR/root/etc/systemd/system/net-routed.socket" ]
}

@test "operations.md: the daemon takes the configuration file" {
  example config "$ROOT/docs/operations.md" | on 1 sh -c 'cat >/tmp/config.yaml'
  lab daemon 1 restart --config /tmp/config.yaml
  succeeds docker_on 1 network create -d net-routed --ipam-driver ipam-routed listed
  succeeds docker_on 1 run --rm --net listed busybox ip addr show eth0
  shows 'mtu 9000'
  shows 'inet 10\.46\.0\.[0-9]+/32'
  lab daemon 1 restart
}

@test "operations.md: the metrics are served as shown" {
  succeeds on 1 sh -c "$(line 'curl' "$ROOT/docs/operations.md")"
  # All that is documented is served, and the reverse.
  equal "$(sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' <<<"$output" | sort)" \
    "$(grep '^| `net_routed' "$ROOT/docs/operations.md" | cut -d'|' -f2 | grep -oP '`\K[a-z_]+' | sort)"
}

@test "operations.md: the program knows the messages that are listed" {
  local message
  while read -r message; do
    succeeds grep -rqF "'$message'" "$ROOT/src"
  done < <(sed -n '/^| message/,/^$/p' "$ROOT/docs/operations.md" | tail -n +3 | cut -d'|' -f2 | grep -oP '`\K[^`]+')
}

@test "operations.md: what a backup has comes back, with the commands as shown" {
  create_network 1 kept 10.8.0.0/24
  create_container 1 old kept --ip 10.8.0.1
  on 1 mkdir -p /var/backups
  succeeds on 1 sh -c "$(line 'cp -a /var/lib' "$ROOT/docs/operations.md")"
  create_container 1 young kept --ip 10.8.0.2
  lab daemon 1 stop
  on 1 sh -c "$(line 'rm -rf' "$ROOT/docs/operations.md"); $(line 'cp -a /var/backups' "$ROOT/docs/operations.md")"
  lab daemon 1 start
  succeeds on 1 "$ROOT/bin/net-routed" status
  shows '^routed +10\.8\.0\.1/32'
  shows '^orphan: '
  pings 1 young 10.8.0.1
  docker_on 1 rm --force young
  succeeds on 1 "$ROOT/bin/net-routed" status
  hides '^orphan: '
  docker_on 1 rm --force old
  on 1 rm -r /var/backups/net-routed
}

@test "operations.md: a network is forgotten on demand, and its subnet with it" {
  create_network 1 gone 10.9.0.0/24
  local id
  id=$(docker_on 1 network inspect --format '{{.Id}}' gone)
  succeeds on 1 "$ROOT/bin/net-routed" forget "${id:0:12}"
  succeeds on 1 "$ROOT/bin/net-routed" status --json
  equal "$(jq '.networks | length' <<<"$output")" 0
  create_network 1 again 10.9.0.0/24
  create_container 1 working again --ip 10.9.0.5
  on 1 ping -c 1 -W 2 10.9.0.5
}

@test "ports.md: ports are published, with the commands as shown" {
  docker_on 1 tag busybox nginx
  local command
  while read -r command; do
    succeeds on 1 sh -c "${command/%nginx/nginx sleep 100000}"
  done < <(sed -n 's/^    \(docker .*\)/\1/p' "$ROOT/docs/ports.md")
  succeeds on 1 sh -c "PATH=$ROOT/bin:\$PATH; $(line 'net-routed status' "$ROOT/docs/ports.md")"
  shows '\*:8080->80/tcp|0\.0\.0\.0:8080->80/tcp'
  shows '127\.0\.0\.1:5353->53/udp 192\.0\.2\.1:53->53/udp'
  shows '0\.0\.0\.0:8000->443/tcp 0\.0\.0\.0:61[0-9]+->80/tcp'
  succeeds on 1 sh -c "$(grep -oP '`\Kdocker inspect[^`]*' "$ROOT/docs/ports.md")"
  equal "$output" '{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}'
  docker_on 1 rm --force web dns any
  docker_on 1 network rm public
}

@test "rates.md: containers get rates and marks, with the commands as shown" {
  local command
  docker_on 1 create --name other --net none busybox sleep 100000
  docker_on 1 network disconnect none other
  while read -r command; do
    [ "${command%% *}" != net-routed ] || docker_on 1 start other
    succeeds on 1 sh -c "PATH=$ROOT/bin:\$PATH; $command"
    case $command in
      *rate-out=2mbit) equal "$(rates_of other)" 'in 100mbit,out 2mbit,dscp 8' ;;
      *dscp=ef) equal "$(rates_of other)" 'in 100mbit,out 20mbit,dscp 46' ;;
      *rate-in=200mbit) equal "$(rates_of other) $(rates_of backup)" 'in 200mbit,out 20mbit,dscp 46 in 200mbit,out 20mbit,dscp 8' ;;
    esac
  done < <(sed -n 's/^    \(\(docker\|net-routed\) .*\)/\1/p' "$ROOT/docs/rates.md")
  shows ' in 200mbit out 20mbit dscp 8$'
  docker_on 1 rm --force backup other
  docker_on 1 network rm slow
}
rates_of() {
  on 1 "$ROOT/bin/net-routed" status --json |
    jq --raw-output --arg address "$(docker_on 1 inspect -f '{{.NetworkSettings.Networks.slow.IPAddress}}' "$1")/32" \
      '.endpoints[] | select(.addresses[0] == $address) | .rates | join(",")'
}

@test "cnm.md: an option is changed while containers run, with the command as shown" {
  create_network 1 mine 10.10.0.0/24
  succeeds on 1 sh -c "PATH=$ROOT/bin:\$PATH; $(line 'net-routed set --network' "$ROOT/docs/cnm.md")"
  shows '^set: for the containers to come'
  create_container 1 renamed mine
  succeeds docker_on 1 exec renamed ip -o addr show net0
  fails on 1 "$ROOT/bin/net-routed" set --endpoint 10.10.0.0 net-routed.mtu=1400
  fails on 1 "$ROOT/bin/net-routed" set --network mine net-routed.mtu=1400
  shows 'net-routed.mtu cannot change while containers run'
  docker_on 1 rm --force renamed
  docker_on 1 network rm mine
}

@test "security.md: every flaw has tests with its number in the files that it names" {
  local number files file found
  while IFS='|' read -r _ number _ _ files _; do
    for file in $(grep -oP '`[^`]+`' <<<"$files" | tr -d '`'); do
      found=$(find "$ROOT/test" "$ROOT/bats" -name "$file")
      succeeds grep -E "(it|describeAsRoot)\(.*flaw ${number// /}[^0-9]|@test .*flaw ${number// /}[^0-9]" "$found"
    done
  done < <(grep -E '^\| [0-9]+ \|' "$ROOT/docs/security.md")
  equal "$(grep -cE '^\| [0-9]+ \|' "$ROOT/docs/security.md")" 16
}

@test "operations.md: the unit has the score that it says" {
  command -v systemd-analyze >/dev/null || skip 'systemd is not installed'
  succeeds systemd-analyze security --offline=true --threshold=15 --no-pager "$ROOT/systemd/net-routed.service"
  local score
  score=$(grep -oP 'Overall exposure level .*: \K[0-9.]+' <<<"$output")
  succeeds grep -F "scores $score" "$ROOT/docs/operations.md"
}
