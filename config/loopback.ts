/** Which hosts are this machine itself. Imports nothing. */

/** Whether a host, as it is listened on or stands in a URL, is loopback by its name or address: nothing goes over a wire to it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
