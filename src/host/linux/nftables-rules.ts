/** Chains and rules as messages, for what is made too often to start a program. */
import {
  NFTA_CHAIN,
  NFTA_CMP,
  NFTA_DATA_VALUE,
  NFTA_DATA_VERDICT,
  NFTA_EXPR,
  NFTA_IMMEDIATE,
  NFTA_LIST_ELEM,
  NFTA_LOOKUP,
  NFTA_META,
  NFTA_PAYLOAD,
  NFTA_RULE,
  NFTA_TABLE,
  NFTA_VERDICT,
  NFT_CMP_EQ,
  NFT_JUMP,
  NFT_META,
  NFT_MSG,
  NFT_PAYLOAD,
  NFT_REG,
  NF_ACCEPT,
  NLM_F
} from './constants.js'
import { attribute, nested, text } from './messages.js'
import type { Message } from './messages.js'
import { nfgenmsg, nftType } from './nftables.js'
import type { Table } from './nftables.js'
import { commentData } from './tables.js'

/** What a packet must match, or what becomes of it. `word`: where in a concatenation a value is put, counted from 0. */
export type Expression =
  | { readonly kind: 'family'; readonly is: number }
  | { readonly kind: 'protocol'; readonly word: number }
  | {
      readonly kind: 'bytes'
      readonly of: keyof typeof NFT_PAYLOAD
      readonly offset: number
      readonly length: number
      readonly word: number
    }
  /** The concatenation is in a set. */
  | { readonly kind: 'in'; readonly set: string }
  | { readonly kind: 'accept' }

/** A rule with the comment that says which one it is. */
export interface Rule {
  readonly expressions: readonly Expression[]
  readonly comment: string
}

/** Adds a chain that others jump to, which may be there already. */
export function addChain(table: Table, chain: string): Message {
  return chainMessage(NFT_MSG.NEWCHAIN, table, chain)
}

export function deleteChain(table: Table, chain: string): Message {
  return chainMessage(NFT_MSG.DELCHAIN, table, chain)
}

/** Deletes the rules of a chain. */
export function flushChain(table: Table, chain: string): Message {
  return { type: nftType(NFT_MSG.DELRULE), flags: 0, body: ruleHead(table, chain) }
}

/** Puts a rule at the end of a chain. */
export function addRule(table: Table, chain: string, { expressions, comment }: Rule): Message {
  const list = expressions.flatMap(encoded).map((body) => nested(NFTA_LIST_ELEM, body))
  return {
    type: nftType(NFT_MSG.NEWRULE),
    flags: NLM_F.CREATE | NLM_F.APPEND,
    body: Buffer.concat([
      ruleHead(table, chain),
      nested(NFTA_RULE.EXPRESSIONS, ...list),
      attribute(NFTA_RULE.USERDATA, commentData(comment))
    ])
  }
}

/** The verdict that leads to a chain, from which a packet may come back, as data. */
export function jumpTo(chain: string): Buffer {
  return nested(NFTA_DATA_VERDICT, be32(NFTA_VERDICT.CODE, NFT_JUMP), text(NFTA_VERDICT.CHAIN, chain))
}

/** A number as nftables has them. */
export function be32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return attribute(type, bytes)
}

function chainMessage(message: number, { family, name }: Table, chain: string): Message {
  return {
    type: nftType(message),
    flags: message === NFT_MSG.NEWCHAIN ? NLM_F.CREATE : 0,
    body: Buffer.concat([nfgenmsg(family), text(NFTA_TABLE, name), text(NFTA_CHAIN.NAME, chain)])
  }
}

function ruleHead({ family, name }: Table, chain: string): Buffer {
  return Buffer.concat([nfgenmsg(family), text(NFTA_TABLE, name), text(NFTA_RULE.CHAIN, chain)])
}

function encoded(expression: Expression): Buffer[] {
  switch (expression.kind) {
    case 'family':
      return [meta(NFT_META.NFPROTO, 0), equal(Buffer.of(expression.is))]
    case 'protocol':
      return [meta(NFT_META.L4PROTO, expression.word)]
    case 'bytes':
      return [
        expressionOf(
          'payload',
          be32(NFTA_PAYLOAD.DREG, NFT_REG.FIRST_WORD + expression.word),
          be32(NFTA_PAYLOAD.BASE, NFT_PAYLOAD[expression.of]),
          be32(NFTA_PAYLOAD.OFFSET, expression.offset),
          be32(NFTA_PAYLOAD.LENGTH, expression.length)
        )
      ]
    case 'in':
      return [
        expressionOf(
          'lookup',
          text(NFTA_LOOKUP.SET, expression.set),
          be32(NFTA_LOOKUP.SREG, NFT_REG.FIRST_WORD)
        )
      ]
    case 'accept':
      return [accept()]
  }
}

function meta(key: number, word: number): Buffer {
  return expressionOf('meta', be32(NFTA_META.DREG, NFT_REG.FIRST_WORD + word), be32(NFTA_META.KEY, key))
}

function equal(value: Buffer): Buffer {
  return expressionOf(
    'cmp',
    be32(NFTA_CMP.SREG, NFT_REG.FIRST_WORD),
    be32(NFTA_CMP.OP, NFT_CMP_EQ),
    nested(NFTA_CMP.DATA, attribute(NFTA_DATA_VALUE, value))
  )
}

function accept(): Buffer {
  const verdict = nested(NFTA_DATA_VERDICT, be32(NFTA_VERDICT.CODE, NF_ACCEPT))
  return expressionOf(
    'immediate',
    be32(NFTA_IMMEDIATE.DREG, NFT_REG.VERDICT),
    nested(NFTA_IMMEDIATE.DATA, verdict)
  )
}

function expressionOf(name: string, ...attributes: readonly Buffer[]): Buffer {
  return Buffer.concat([text(NFTA_EXPR.NAME, name), nested(NFTA_EXPR.DATA, ...attributes)])
}
