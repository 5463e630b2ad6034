// sctp answer PORT TEXT - answers each message by SCTP to the port, IPv4 or IPv6, with a line: TEXT and the client's address.
// sctp ask ADDRESS PORT [SECONDS] - prints what answers there, or that it is refused or silent.
import { answerSctp, askSctp } from '../../dist/test/netns/sctp.js'

const [what, first, second, seconds = '5'] = process.argv.slice(2)
if (what === 'answer') answerSctp([Number(first)], second)
else console.log(await askSctp(first, Number(second), Number(seconds) * 1000))
