/** The plain page at `/`: what the admin port offers, with a link to each. */

/** A whole HTML document without scripts. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pointsman admin</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark; }
  dt { margin-top: .75rem; }
  dd { margin: 0; }
</style>
<h1>Pointsman admin</h1>
<dl>
  <dt><a href="/config">/config</a></dt><dd>What is loaded, what was refused and why, since when.</dd>
  <dt><a href="/resources">/resources</a></dt><dd>The resources in effect. PUT and DELETE change several at once, <code>/resources/KIND/NAMESPACE/NAME</code> one.</dd>
  <dt><a href="/clusters">/clusters</a></dt><dd>Where requests can go: services, subsets and their endpoints.</dd>
  <dt><a href="/mirrors">/mirrors</a></dt><dd>Where the answers of copies differ, for rules that compare them.</dd>
  <dt><a href="/explain?url=http://dubbo-go-server/api.Greeter/SayHello&amp;method=POST&amp;header=user:%20admin">/explain</a></dt><dd>Which rule takes a request, and why. Give it <code>url</code>, <code>method</code>, <code>header</code>, <code>port</code>.</dd>
  <dt><a href="/metrics">/metrics</a></dt><dd>Counts and durations for Prometheus.</dd>
  <dt><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a></dt><dd>Whether the process lives, and whether it takes traffic.</dd>
</dl>
</html>
`;
