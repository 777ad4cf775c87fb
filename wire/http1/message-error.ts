/** Why a message is refused. Imports nothing. */

/** A message that breaks the protocol or a limit. The message is fixed text: nothing of the peer's is in it. */
export class MessageError extends Error {
  /** The status with which a server answers: 400, 408, 414, 431, 501 or 505. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'MessageError';
    this.status = status;
  }
}
