#!/usr/bin/env bats
# The disk under the records is full, read-only, or has damaged them. Containers run on, what cannot be stored is refused,
# no address is handed out twice.

load helpers
load probe

STATE=/var/lib/net-routed

setup_file() {
  export FRR=''
  lab_up 1
  lab daemon 1 stop
  # A disk of its own, as small as a file of it can be.
  on 1 mount -t tmpfs -o size=512k,mode=700 state $STATE
  lab daemon 1 start
}

setup() {
  create_network 1 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
}

teardown() {
  [ -n "${BATS_TEST_COMPLETED:-}" ] || show_logs
  on 1 sh -c 'cd "$0"; rm -f fill; for kind in network endpoint pool lease setting quarantine; do umount $kind 2>/dev/null; done
    mount -o remount,rw . 2>/dev/null; rm -rf quarantine/*' $STATE || :
  lab daemon 1 stop
  on 1 sh -c 'rm -rf "$0"/*/*' $STATE
  on 1 sh -c 'for link in $(ip -o link show | grep -oE "nr-[0-9a-f]{12}" | sort -u); do ip link delete "$link"; done'
  lab daemon 1 start
  clean
}

fill() { on 1 sh -c 'dd if=/dev/zero of="$0/fill" bs=4k 2>/dev/null; [ "$(df --output=avail "$0" | tail -n 1)" -eq 0 ]' $STATE; }
still_work() { pings 1 one 10.1.0.2 && pings 1 two 192.0.2.1; }
running() { on 1 "$NET_ROUTED" status >/dev/null; }

# refuses REASON - whatever is new, before the kernel is touched.
refuses() {
  local links routes
  links=$(our_links 1)
  routes=$(our_routes 1)
  fails create_container 1 three mine --ip 10.1.0.3
  shows "$1"
  docker_on 1 rm --force three
  fails create_container 1 four mine
  shows "$1"
  docker_on 1 rm --force four
  fails create_network 1 other 10.2.0.0/16
  shows "$1"
  equal "$(our_links 1)" "$links"
  equal "$(our_routes 1)" "$routes"
  equal "$(on 1 "$NET_ROUTED" status --json | jq --compact-output '[.networks, .endpoints] | map(length)')" '[1,2]'
}

works_again() {
  create_container 1 three mine --ip 10.1.0.3
  create_container 1 four mine
  pings 1 three 10.1.0.1
  create_network 1 other 10.2.0.0/16
}

@test "a full disk: what is new is refused, what ends ends, and with space all works again" {
  fill
  refuses 'no space|ENOSPC'
  still_work
  docker_on 1 rm --force two
  not has_route 1 10.1.0.2
  equal "$(our_links 1 | wc -l)" 1
  on 1 rm $STATE/fill
  works_again
  create_container 1 two mine --ip 10.1.0.2
  still_work
  all_agree 1
}

@test "a start with a full disk" {
  fill
  lab daemon 1 kill
  lab daemon 1 start
  refuses 'no space|ENOSPC'
  still_work
  on 1 rm $STATE/fill
  works_again
  all_agree 1
}

@test "a start with a full disk that does not know the present boot" {
  lab daemon 1 stop
  on 1 rm $STATE/boot
  fill
  lab daemon 1 start
  refuses 'no space|ENOSPC'
  still_work
  on 1 rm $STATE/fill
  works_again
}

make_read_only() {
  on 1 sh -c 'cd "$0"; for kind in network endpoint pool lease setting; do mount --bind $kind $kind; mount -o remount,bind,ro $kind; done' $STATE
}
make_writable() {
  on 1 sh -c 'cd "$0"; for kind in network endpoint pool lease setting; do umount $kind; done' $STATE
}

@test "a disk that turns read-only: what is new is refused, what ends ends, and once writable all works again" {
  make_read_only
  refuses 'read-only|EROFS'
  still_work
  docker_on 1 rm --force two
  not has_route 1 10.1.0.2
  equal "$(our_links 1 | wc -l)" 1
  make_writable
  works_again
  create_container 1 two mine --ip 10.1.0.2
  still_work
  all_agree 1
}

@test "a start with a read-only disk" {
  lab daemon 1 stop
  on 1 mount -o remount,ro $STATE
  lab daemon 1 start
  refuses 'read-only|EROFS'
  still_work
  on 1 mount -o remount,rw $STATE
  works_again
  all_agree 1
}

# A record of a file that is not one any more.
damage() {
  on 1 bash -c 'case $1 in
    truncated) truncate --size=40 "$2" ;;
    garbage) head --bytes=300 /dev/urandom >"$2" ;;
    future) sed -i "s/\"version\":1/\"version\":2/" "$2" ;;
    empty) : >"$2" ;;
  esac' - "$1" "$2"
}
DAMAGES='truncated garbage future empty'

# four_more - containers c1 to c4 with the addresses 10.1.0.11 to 10.1.0.14.
four_more() {
  local number
  for number in 1 2 3 4; do create_container 1 c$number mine --ip 10.1.0.1$number; done
}
all_work() {
  local number
  still_work
  for number in 1 2 3 4; do pings 1 one 10.1.0.1$number; done
}

# start_with_broken COUNT REGEX
start_with_broken() {
  lab daemon 1 start
  succeeds on 1 "$NET_ROUTED" status
  shows "(^| )$1 broken records"
  equal "$(grep -cE "^broken record: .*$2" <<<"$output")" "$1"
  equal "$(on 1 sh -c 'ls "$0"/quarantine | wc -l' $STATE)" "$1"
}

@test "damaged leases: containers run on, their addresses are given to nobody else" {
  four_more
  lab daemon 1 stop
  local number=1 what
  for what in $DAMAGES; do damage "$what" "$STATE/lease/local%2F10.1.0.1$number.json"; number=$((number + 1)); done
  start_with_broken 4 '"lease".*10\.1\.0\.1[1-4]'
  # What was set aside stays known.
  lab daemon 1 kill
  start_with_broken 4 '"lease".*10\.1\.0\.1[1-4]'
  all_work
  for number in 1 2 3 4; do
    fails create_container 1 thief mine --ip 10.1.0.1$number
    shows 'in use'
    docker_on 1 rm --force thief
  done
  docker_on 1 rm --force c1
  create_container 1 new mine --ip 10.1.0.21
  pings 1 new 10.1.0.12
}

@test "damaged endpoints: containers run on, their links go when Docker deletes them" {
  four_more
  lab daemon 1 stop
  local number=1 what id
  for what in $DAMAGES; do
    id=$(docker_on 1 inspect --format '{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}' c$number)
    damage "$what" "$STATE/endpoint/$id.json"
    number=$((number + 1))
  done
  start_with_broken 4 '"endpoint"'
  all_work
  equal "$(on 1 "$NET_ROUTED" status --json | jq '.orphans | length')" 4
  fails create_container 1 thief mine --ip 10.1.0.11
  shows 'in use'
  docker_on 1 rm --force thief c1 c2 c3 c4
  wait_until 5 eval '[ "$(our_links 1 | wc -l)" = 2 ]'
  equal "$(our_routes 1 | wc -l)" 2
  create_container 1 new mine --ip 10.1.0.11
  pings 1 new 10.1.0.1
}

@test "damaged pools: containers run on, and their networks can be made again" {
  create_network 1 other 10.2.0.0/16
  create_container 1 three other --ip 10.2.0.1
  lab daemon 1 stop
  damage truncated "$STATE/pool/local%2F10.1.0.0%2F16.json"
  damage future "$STATE/pool/local%2F10.2.0.0%2F16.json"
  start_with_broken 2 '"pool"'
  still_work
  pings 1 three 192.0.2.1
  fails create_container 1 four mine
  shows 'create the network again'
  docker_on 1 rm --force one two three four
  docker_on 1 network rm mine other
  equal "$(our_links 1)" ''
  equal "$(on 1 sh -c 'ls "$0"/lease "$0"/endpoint "$0"/network | grep json' $STATE)" ''
  create_network 1 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
  still_work
}

@test "damaged networks: containers run on, and their networks can be made again" {
  create_network 1 other 10.2.0.0/16
  create_container 1 three other --ip 10.2.0.1
  lab daemon 1 stop
  damage garbage "$STATE/network/$(docker_on 1 network inspect --format '{{.Id}}' mine).json"
  damage empty "$STATE/network/$(docker_on 1 network inspect --format '{{.Id}}' other).json"
  start_with_broken 2 '"network"'
  still_work
  pings 1 three 192.0.2.1
  fails create_container 1 four mine
  docker_on 1 rm --force one two three four
  docker_on 1 network rm mine other
  equal "$(our_links 1)" ''
  create_network 1 mine 10.1.0.0/16
  create_container 1 one mine --ip 10.1.0.1
  create_container 1 two mine --ip 10.1.0.2
  still_work
}

@test "damaged settings, and files that are no records" {
  lab daemon 1 stop
  on 1 sh -c 'cd "$0"; echo "{" >setting/net.ipv4.ip_forward.json; echo null >setting/net.ipv6.conf.all.forwarding.json
    mkdir lease/directory.json; ln -s /nowhere endpoint/dangling.json; echo x >network/%ff.json
    echo unfinished >lease/local%2F10.1.0.1.json.7.tmp; echo hello >lease/README; mkdir policy; echo "{}" >policy/newer.json' $STATE
  start_with_broken 5 ''
  still_work
  equal "$(on 1 sh -c 'ls "$0"/lease | grep tmp' $STATE)" ''
  create_container 1 three mine
  on 1 rm -r $STATE/policy
}

@test "one record under two names: the address is given out once" {
  lab daemon 1 stop
  local id
  id=$(docker_on 1 inspect --format '{{.NetworkSettings.Networks.mine.EndpointID}}' one)
  on 1 sh -c 'cd "$0"; cp lease/local%2F10.1.0.1.json lease/local%2F10.1.0.9.json; cp "endpoint/$1.json" endpoint/copy.json' $STATE "$id"
  start_with_broken 2 ''
  still_work
  local address
  for address in 10.1.0.1 10.1.0.9; do
    fails create_container 1 thief mine --ip $address
    shows 'in use'
    docker_on 1 rm --force thief
  done
}

@test "two versions of one lease: the address stays taken" {
  lab daemon 1 stop
  # Two names that mean the same.
  on 1 sh -c 'cd "$0/lease"; sed s/held/released/ local%2F10.1.0.1.json >local%2f10.1.0.1.json
    sed s/held/released/ local%2F10.1.0.2.json >%6cocal%2F10.1.0.2.json' $STATE
  start_with_broken 2 ''
  local address
  for address in 10.1.0.1 10.1.0.2; do
    fails create_container 1 thief mine --ip $address
    shows 'in use'
    docker_on 1 rm --force thief
  done
}
