/**
 * Numbers of the kernel's interfaces, with the header that they come from. All are stable ABI and, except where Alpha, MIPS,
 * PA-RISC and SPARC differ, which are not supported, the same on every architecture.
 */

/** asm-generic/socket.h, linux/socket.h, linux/netlink.h */
export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, INET6: 10, NETLINK: 16 } as const
export const SOCK = { DGRAM: 2, RAW: 3, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const
export const SOL = { SOCKET: 1, NETLINK: 270 } as const
export const SO = { RCVBUF: 8, RCVBUFFORCE: 33 } as const
export const MSG_DONTWAIT = 0x40
export const NETLINK = { ROUTE: 0, SOCK_DIAG: 4, NETFILTER: 12 } as const
export const NETLINK_OPTION = { ADD_MEMBERSHIP: 1, CAP_ACK: 10, EXT_ACK: 11, GET_STRICT_CHK: 12 } as const

/** asm-generic/fcntl.h, sys/file.h, linux/sched.h */
export const O = { RDONLY: 0, DIRECTORY: 0o200000, CLOEXEC: 0o2000000, ASYNC: 0o20000 } as const
export const F = { GETFL: 3, SETFL: 4, SETOWN: 8, SETSIG: 10 } as const
export const LOCK = { EX: 2, NB: 4 } as const
export const CLONE_NEWNET = 0x40000000

/** linux/netlink.h */
export const NLM_F = {
  REQUEST: 0x1,
  ACK: 0x4,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  CAPPED: 0x100,
  ACK_TLVS: 0x200
} as const
export const NLMSG = { ERROR: 2, DONE: 3 } as const
export const NLMSGERR_ATTR_MSG = 1
export const NLA_F_NESTED = 0x8000
export const NLA_TYPE_MASK = 0x3fff

/** linux/in.h */
export const IPPROTO = { tcp: 6, udp: 17, sctp: 132 } as const
/** linux/sock_diag.h, linux/inet_diag.h; bits of states are 1 << TCP_LISTEN, 1 << TCP_CLOSE */
export const SOCK_DIAG = { BY_FAMILY: 20, LISTENING: 1 << 10, UNCONNECTED: 1 << 7, V6ONLY: 11 } as const

/** linux/rtnetlink.h */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  NEWNEIGHTBL: 64,
  GETNEIGHTBL: 66,
  SETNEIGHTBL: 67,
  NEWQDISC: 36,
  DELQDISC: 37,
  GETQDISC: 38,
  NEWTFILTER: 44,
  DELTFILTER: 45,
  GETTFILTER: 46,
  NEWNETCONF: 80
} as const
export const RTNLGRP = {
  LINK: 1,
  NEIGH: 3,
  TC: 4,
  IPV4_IFADDR: 5,
  IPV4_ROUTE: 7,
  IPV6_IFADDR: 9,
  IPV6_ROUTE: 11,
  IPV4_NETCONF: 24,
  IPV6_NETCONF: 25
} as const
/** linux/rtnetlink.h, linux/pkt_sched.h */
export const TCA = { KIND: 1, OPTIONS: 2 } as const
export const TC_H = { ROOT: 0xffff_ffff, INGRESS: 0xffff_fff1 } as const
export const TCA_TBF_PARMS = 1
export const TC_LINKLAYER_ETHERNET = 1
/** linux/pkt_cls.h, linux/tc_act/tc_mirred.h, linux/if_ether.h */
export const TCA_U32 = { SEL: 5, ACT: 7 } as const
export const TC_U32_TERMINAL = 1
export const TCA_ACT = { KIND: 1, OPTIONS: 2 } as const
export const TC_ACT_STOLEN = 4
export const TCA_MIRRED_PARMS = 2
export const TCA_EGRESS_REDIR = 1
export const ETH_P_ALL = 3

/** linux/netconf.h */
export const NETCONFA = { IFINDEX: 1, FORWARDING: 2, RP_FILTER: 3 } as const
export const NETCONFA_IFINDEX_ALL = -1
export const RTEXT_FILTER_SKIP_STATS = 1 << 3
export const RTA = {
  DST: 1,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  MULTIPATH: 9,
  VIA: 18,
  METRICS: 8
} as const
/** Within RTA_METRICS. */
export const RTAX = { MTU: 2, ADVMSS: 8 } as const
export const RTM_F_FIB_MATCH = 0x2000
export const RT_TABLE = { MAIN: 254, LOCAL: 255 } as const
export const RT_SCOPE = { UNIVERSE: 0, LINK: 253, HOST: 254 } as const
/** As `ip route add` has it. */
export const RTPROT_BOOT = 3
export const RTN = { UNICAST: 1, LOCAL: 2, BLACKHOLE: 6 } as const
export const RTPROT_KERNEL = 2
/** Learnt from a router advertisement by the kernel itself. */
export const RTPROT_RA = 9

/** linux/rtnetlink.h and iproute2's rt_protos: for error messages only. */
export const ROUTE_PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  9: 'ra',
  11: 'zebra',
  12: 'bird',
  16: 'dhcp',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp'
}

/** linux/if.h, linux/if_link.h, linux/veth.h */
export const IFF = { UP: 0x1, LOOPBACK: 0x8, LOWER_UP: 0x10000 } as const
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINKINFO: 18,
  IFALIAS: 20,
  AF_SPEC: 26,
  GROUP: 27,
  EXT_MASK: 29,
  NUM_TX_QUEUES: 31,
  NUM_RX_QUEUES: 32,
  NET_NS_FD: 28,
  LINK_NETNSID: 37
} as const
export const IFLA_INFO = { KIND: 1, DATA: 2 } as const
export const VETH_INFO_PEER = 1
export const IFLA_INET_CONF = 1
export const IFLA_INET6 = { CONF: 2, ADDR_GEN_MODE: 8 } as const
export const IN6_ADDR_GEN_MODE_NONE = 1

/** linux/ip.h (counted from 1) and linux/ipv6.h (counted from 0) */
export const IPV4_DEVCONF = {
  FORWARDING: 1,
  PROXY_ARP: 3,
  ACCEPT_REDIRECTS: 4,
  SEND_REDIRECTS: 6,
  RP_FILTER: 8,
  ACCEPT_SOURCE_ROUTE: 9,
  TAG: 12,
  ROUTE_LOCALNET: 26
} as const
export const IPV6_DEVCONF = { ACCEPT_RA: 3, DISABLE_IPV6: 26, ADDR_GEN_MODE: 47 } as const

/** linux/if_addr.h */
export const IFA = { ADDRESS: 1, LOCAL: 2, CACHEINFO: 6, FLAGS: 8 } as const
export const IFA_F = { NODAD: 0x02, PERMANENT: 0x80 } as const

/** linux/neighbour.h */
export const NDA = { DST: 1, LLADDR: 2, PROTOCOL: 12 } as const
export const NUD_PERMANENT = 0x80
export const NTF_PROXY = 0x08
export const NDTA = { NAME: 1, PARMS: 6 } as const
export const NDTPA = { IFINDEX: 1, PROXY_DELAY: 13 } as const

/** linux/netfilter/nfnetlink.h, linux/netfilter.h */
export const NFNLGRP_NFTABLES = 7
export const NFNL_SUBSYS = { CTNETLINK: 1, NFTABLES: 10 } as const
export const NFNL_MSG_BATCH = { BEGIN: 16, END: 17 } as const
export const NFPROTO = { INET: 1, IPV4: 2, ARP: 3, IPV6: 10 } as const
export const NF_ACCEPT = 1

/** linux/netfilter/nf_tables.h */
export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
  GETOBJ: 19
} as const
export const NFTA_GEN_ID = 1
/** The same number in messages about tables, chains, rules, sets and elements. */
export const NFTA_TABLE = 1
export const NFTA_TABLE_FLAGS = 2
export const NFTA_CHAIN = { NAME: 3, HOOK: 4, POLICY: 5 } as const
export const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2 } as const
export const NFTA_RULE = { CHAIN: 2, EXPRESSIONS: 4, USERDATA: 7 } as const
export const NFTA_SET = { NAME: 2, FLAGS: 3, KEY_TYPE: 4, KEY_LEN: 5, DESC: 9, ID: 10 } as const
export const NFT_SET_ANONYMOUS = 1
export const NFT_SET_INTERVAL = 4
export const NFT_SET_CONCAT = 0x80
export const NFTA_SET_DESC_CONCAT = 2
export const NFTA_SET_FIELD_LEN = 1
export const NFTA_SET_ELEM_LIST = { SET: 2, ELEMENTS: 3 } as const
export const NFTA_LIST_ELEM = 1
export const NFTA_SET_ELEM_KEY = 1
export const NFTA_SET_ELEM_DATA = 2
export const NFTA_SET_ELEM_KEY_END = 10
export const NFTA_SET_ELEM_EXPR = 7
export const NFTA_DATA_VALUE = 1
export const NFTA_DATA_VERDICT = 2
export const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const
export const NFT_JUMP = -3
export const NFTA_EXPR = { NAME: 1, DATA: 2 } as const
export const NFTA_META = { DREG: 1, KEY: 2 } as const
export const NFT_META = { NFPROTO: 15, L4PROTO: 16 } as const
export const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const
export const NFT_CMP_EQ = 0
export const NFTA_PAYLOAD = { DREG: 1, BASE: 2, OFFSET: 3, LENGTH: 4 } as const
export const NFT_PAYLOAD = { network: 1, transport: 2 } as const
export const NFTA_LOOKUP = { SET: 1, SREG: 2 } as const
export const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const
/** Registers of 32 bits that lie one after the other; a concatenation begins in the first one. */
export const NFT_REG = { VERDICT: 0, FIRST_WORD: 8 } as const
export const NFTA_OBJ = { NAME: 2, DATA: 4 } as const
export const NFTA_COUNTER_BYTES = 1
export const NFTA_COUNTER_PACKETS = 2

/** linux/if.h: bytes of a name, with the zero at its end. */
export const IFNAMSIZ = 16

/** linux/netfilter/nfnetlink_conntrack.h; the flags are in the kernel's nf_internals.h */
export const IPCTNL_MSG_CT = { GET: 1, DELETE: 2 } as const
export const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, ID: 12, ZONE: 18, FILTER: 25 } as const
export const CTA_TUPLE_IP = 1
export const CTA_TUPLE_PROTO = 2
export const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const
export const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const
export const CTA_FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const
export const CTA_FILTER_F_IP_SRC = 1
