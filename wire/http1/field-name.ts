/** The fields that frame a message or belong to one connection alone. Imports nothing. */

/** What a field means to the framing of messages. */
export const FIELD = {
  OTHER: 0,
  HOST: 1,
  CONTENT_LENGTH: 2,
  TRANSFER_ENCODING: 3,
  CONNECTION: 4,
  UPGRADE: 5,
  EXPECT: 6,
  /** Other fields of one connection: they are never sent on. */
  HOP: 7,
  /** Never kept beyond their message. */
  SECRET: 8,
} as const;

/** What a field of this name, in lower case, means. */
export function fieldOf(name: string): number {
  switch (name.length) {
    case 4:
      return name === 'host' ? FIELD.HOST : FIELD.OTHER;
    case 6:
      return name === 'expect' ? FIELD.EXPECT : name === 'cookie' ? FIELD.SECRET : FIELD.OTHER;
    case 7:
      return name === 'upgrade' ? FIELD.UPGRADE : FIELD.OTHER;
    case 10:
      if (name === 'connection') return FIELD.CONNECTION;
      if (name === 'set-cookie') return FIELD.SECRET;
      return name === 'keep-alive' ? FIELD.HOP : FIELD.OTHER;
    case 13:
      return name === 'authorization' ? FIELD.SECRET : FIELD.OTHER;
    case 14:
      if (name === 'content-length') return FIELD.CONTENT_LENGTH;
      return name === 'http2-settings' ? FIELD.HOP : FIELD.OTHER;
    case 16:
      return name === 'proxy-connection' ? FIELD.HOP : FIELD.OTHER;
    case 17:
      return name === 'transfer-encoding' ? FIELD.TRANSFER_ENCODING : FIELD.OTHER;
    case 19:
      return name === 'proxy-authorization' ? FIELD.SECRET : FIELD.OTHER;
    default:
      return FIELD.OTHER;
  }
}

/** True: the field decides where a message ends or whom it is for, so that it can be no trailer. Source: RFC 9110, 6.5.1. */
export function framesMessage(field: number): boolean {
  return field !== FIELD.OTHER && field !== FIELD.SECRET;
}
