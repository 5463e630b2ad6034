#!/usr/bin/env bats
# Pools and addresses, and what a user reads when they are refused.

load helpers

setup_file() {
  export FRR=''
  lab_up 1
}

# assigned NAME [FLAG...] - the address a new container of network mine gets.
assigned() {
  create_container 1 "$1" mine "${@:2}"
  address_of 1 "$1"
}
refused() {
  fails create_container 1 refused mine "$@"
  docker_on 1 rm --force refused >/dev/null 2>&1
}

@test "addresses are chosen from the subnet, each once" {
  create_network 1 mine 10.2.0.0/24
  local first second
  first=$(assigned aa)
  second=$(assigned bb)
  matches "$first" '^10\.2\.0\.[0-9]+$'
  matches "$second" '^10\.2\.0\.[0-9]+$'
  differ "$first" "$second"
}

@test "an address is not used again while others never were, then the longest released first" {
  create_network 1 mine 10.2.0.0/29
  local number seen=() again
  for number in 1 2 3 4 5 6; do
    seen+=("$(assigned "c$number" || :)")
    [ -n "${seen[-1]}" ] || break
    docker_on 1 rm --force "c$number" >/dev/null
  done
  equal "$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)" "${#seen[@]}"
  [ "${#seen[@]}" -ge 5 ]
  again=$(assigned again)
  equal "$again" "${seen[0]}"
}

@test "a fixed address is given, inside and outside the range for chosen ones" {
  create_network 1 mine 10.2.0.0/16 --ip-range 10.2.5.0/24
  matches "$(assigned aa)" '^10\.2\.5\.'
  equal "$(assigned bb --ip 10.2.5.77)" 10.2.5.77
  equal "$(assigned cc --ip 10.2.9.9)" 10.2.9.9
}

@test "an address in use is refused (flaw 14)" {
  create_network 1 mine 10.2.0.0/24
  create_container 1 holder mine --ip 10.2.0.9
  refused --ip 10.2.0.9
  shows '10\.2\.0\.9.*in use'
}

@test "an address in use is free again when its container is gone" {
  create_network 1 mine 10.2.0.0/24
  create_container 1 holder mine --ip 10.2.0.9
  docker_on 1 rm --force holder
  equal "$(assigned next --ip 10.2.0.9)" 10.2.0.9
}

@test "an address outside the subnet is refused (flaw 14)" {
  create_network 1 mine 10.2.0.0/24
  refused --ip 10.3.0.9
  shows '10\.3\.0\.9.*does not belong to any|no configured subnet .*10\.3\.0\.9'
}

@test "the gateway is refused to a container" {
  create_network 1 mine 10.2.0.0/24 --gateway 10.2.0.1
  refused --ip 10.2.0.1
  shows '10\.2\.0\.1.*gateway'
}

@test "the network address and the broadcast address are refused" {
  create_network 1 mine 10.2.0.0/24
  refused --ip 10.2.0.0
  shows '10\.2\.0\.0.*network address'
  refused --ip 10.2.0.255
  shows '10\.2\.0\.255.*broadcast address'
}

@test "an auxiliary address is kept from containers" {
  create_network 1 mine 10.2.0.0/29 --aux-address printer=10.2.0.3
  refused --ip 10.2.0.3
  shows '10\.2\.0\.3 of subnet 10\.2\.0\.0/29 is taken.*--aux-address'
  local number
  for number in 1 2 3 4; do assigned "c$number" || break; done >"$BATS_TEST_TMPDIR/addresses"
  not grep -qx 10.2.0.3 "$BATS_TEST_TMPDIR/addresses"
}

@test "a gateway outside the subnet is refused or given, never half" {
  if succeeds create_network 1 mine 10.2.0.0/24 --gateway 10.99.0.1 2>/dev/null; then
    create_container 1 aa mine
    equal "$(gateway_of 1 aa)" 10.99.0.1
  else
    shows '10\.99\.0\.1'
  fi
}

@test "a full subnet is refused with the reason, and works again when there is room" {
  create_network 1 mine 10.2.0.0/30
  create_container 1 aa mine
  create_container 1 bb mine || :
  refused
  shows 'no address is left in 10\.2\.0\.0/30'
  docker_on 1 rm --force aa
  create_container 1 cc mine
}

@test "an overlapping subnet is refused and names the other" {
  create_network 1 mine 10.2.0.0/16
  fails create_network 1 other 10.2.3.0/24
  shows '10\.2\.3\.0/24.*overlaps.*10\.2\.0\.0/16'
  fails create_network 1 other 10.0.0.0/8
  shows overlaps
  create_network 1 other 10.3.0.0/24
}

@test "without a subnet and without pools the error says how to set them" {
  fails docker_on 1 network create --internal -d net-routed --ipam-driver ipam-routed mine
  shows 'default-address-pool'
}

@test "without a subnet it comes from the pools, one after the other, until they are used up" {
  lab daemon 1 restart --default-address-pool base=10.50.0.0/23,size=24
  local name subnets=''
  for name in aa bb; do
    docker_on 1 network create --internal -d net-routed --ipam-driver ipam-routed $name
    subnets+="$(docker_on 1 network inspect $name -f '{{(index .IPAM.Config 0).Subnet}}') "
  done
  equal "$(xargs -n 1 <<<"$subnets" | sort | xargs)" '10.50.0.0/24 10.50.1.0/24'
  fails docker_on 1 network create --internal -d net-routed --ipam-driver ipam-routed cc
  shows 'default-address-pool'
  docker_on 1 network rm aa
  docker_on 1 network create --internal -d net-routed --ipam-driver ipam-routed cc
  docker_on 1 network rm bb cc
  lab daemon 1 restart
}

@test "what a refused container or network asked for is free afterwards" {
  create_network 1 mine 10.2.0.0/24
  docker_on 1 create --name broken --net mine --ip 10.2.0.9 busybox /no/such/program
  fails docker_on 1 start broken
  equal "$(assigned aa --ip 10.2.0.9)" 10.2.0.9
  equal "$(our_links 1 | wc -l)" 1
}
