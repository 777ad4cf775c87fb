/**
 * How an API server is reached: from a kubeconfig file, as kubectl does, or from what a pod is given. Reads files, and
 * runs the program that a kubeconfig names for its credentials.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { load, YAMLException } from 'js-yaml';
import * as z from 'zod';

/** An API server, and who we are to it. */
export interface KubernetesAccess {
  /** `https://10.96.0.1:443`. */
  readonly server: string;
  /** PEM. Absent: whom the system trusts. */
  readonly ca?: string;
  /** PEM of a client certificate and its key. */
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly skipsVerification: boolean;
  /** The name that the server's certificate is for, where it is not the host. */
  readonly serverName?: string;
  /** The `authorization` header now; tokens are read anew, as they are renewed in place. Undefined: none. */
  authorization(): Promise<string | undefined>;
  /** Told that the server does not take what {@link authorization} gave last: it is asked for anew. */
  refused?(): void;
}

const POD = '/var/run/secrets/kubernetes.io/serviceaccount';

const contextSchema = z.looseObject({ cluster: z.string(), user: z.string().optional() });
const clusterSchema = z.looseObject({
  server: z.string(),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
});
/** Fields that say with which rights or by which way an API server is asked, and that are not supported. */
const UNSUPPORTED = {
  user: ['as', 'as-groups', 'as-uid', 'as-user-extra', 'auth-provider'],
  cluster: ['proxy-url'],
} as const;
const userSchema = z.looseObject({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.string().optional(),
  exec: z
    .looseObject({
      apiVersion: z.string(),
      command: z.string(),
      args: z.array(z.string()).nullish(),
      env: z.array(z.looseObject({ name: z.string(), value: z.string() })).nullish(),
    })
    .optional(),
});
const listOf = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z
    .array(z.looseObject(shape))
    .nullish()
    .transform((list) => list ?? []);
const kubeconfigSchema = z.looseObject({
  'current-context': z.string().optional(),
  // kubectl writes null for a list that has nothing yet.
  contexts: listOf({ name: z.string(), context: contextSchema }),
  clusters: listOf({ name: z.string(), cluster: clusterSchema }),
  users: listOf({ name: z.string(), user: userSchema }),
});

type User = z.infer<typeof userSchema>;

/**
 * The access of a kubeconfig: the file given, else those of KUBECONFIG, else a pod's own, else `~/.kube/config`. Rejects with
 * an error that says what is missing. Of several files the first that names a cluster, user, context or current context
 * counts, and one that is not there counts for nothing.
 *
 * Source: Kubernetes `client-go/tools/clientcmd/loader.go` (ClientConfigLoadingRules).
 */
export async function readAccess(kubeconfig: string | undefined): Promise<KubernetesAccess> {
  const fromEnvironment = process.env['KUBECONFIG'];
  if (kubeconfig !== undefined) return readKubeconfig([kubeconfig]);
  if (fromEnvironment) return readKubeconfig(fromEnvironment.split(delimiter).filter((path) => path !== ''));
  if (process.env['KUBERNETES_SERVICE_HOST']) return podAccess();
  return readKubeconfig([join(homedir(), '.kube/config')]);
}

async function podAccess(): Promise<KubernetesAccess> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: await readOfPod('ca.crt'),
    skipsVerification: false,
    authorization: async () => `Bearer ${(await readOfPod('token')).trim()}`,
  };
}

async function readOfPod(name: string): Promise<string> {
  try {
    return await readFile(join(POD, name), 'utf8');
  } catch (error) {
    throw new Error(
      `Cannot use the pod's service account: ${(error as Error).message}; the pod needs automountServiceAccountToken: true, or another access by --kubeconfig`,
    );
  }
}

type Kubeconfig = z.infer<typeof kubeconfigSchema> & { readonly folder: string };

/** @param isOptional A file that is not there is undefined. */
async function readKubeconfigFile(path: string, isOptional: boolean): Promise<Kubeconfig | undefined> {
  const fail = failure(path);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isOptional && (error as { code?: string }).code === 'ENOENT') return undefined;
    return fail(`${(error as Error).message}; name one that can be read with --kubeconfig or KUBECONFIG`);
  }
  const parsed = kubeconfigSchema.safeParse(parseYaml(text, fail));
  if (!parsed.success) return fail(z.prettifyError(parsed.error).replaceAll('\n', ' '));
  return { ...parsed.data, folder: dirname(path) };
}

function failure(path: string): (reason: string) => never {
  return (reason) => {
    throw new Error(`Cannot use the kubeconfig "${path}": ${reason}`);
  };
}

async function readKubeconfig(paths: readonly string[]): Promise<KubernetesAccess> {
  const fail = failure(paths.join(delimiter));
  const read = await Promise.all(paths.map((path) => readKubeconfigFile(path, paths.length > 1)));
  const files = read.filter((file) => file !== undefined);
  if (files.length === 0) fail('none of the files is there');
  const current = files.find((file) => file['current-context'])?.['current-context'];
  const contexts = files.flatMap((file) => file.contexts);
  const clusters = files.flatMap(({ clusters, folder }) => clusters.map((each) => ({ ...each, folder })));
  const users = files.flatMap(({ users, folder }) => users.map((each) => ({ ...each, folder })));
  const context = contexts.find(({ name }) => name === current)?.context;
  if (!context)
    return fail(`it has no context "${current ?? ''}": choose one with kubectl config use-context`);
  const found = clusters.find(({ name }) => name === context.cluster);
  if (!found) return fail(`it has no cluster "${context.cluster}"`);
  const { cluster } = found;
  const { user, folder }: { user: User; folder: string } = users.find(
    ({ name }) => name === context.user,
  ) ?? { user: {}, folder: found.folder };
  // Paths are relative to the file that has them.
  const pem = async (folder: string, file: string | undefined, data: string | undefined) => {
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    if (file === undefined) return undefined;
    return await readFile(resolve(folder, file), 'utf8').catch((error: Error) => fail(error.message));
  };
  const [ca, cert, key] = await Promise.all([
    pem(found.folder, cluster['certificate-authority'], cluster['certificate-authority-data']),
    pem(folder, user['client-certificate'], user['client-certificate-data']),
    pem(folder, user['client-key'], user['client-key-data']),
  ]);
  const refuse = (of: 'user' | 'cluster', named: object) => {
    for (const field of UNSUPPORTED[of])
      if (field in named)
        fail(`${of}.${field} is not supported: without it the API server would be asked otherwise`);
  };
  refuse('cluster', cluster);
  refuse('user', user);
  if ((cert === undefined) !== (key === undefined))
    fail(
      `the user has a client-${cert === undefined ? 'key without its client-certificate' : 'certificate without its client-key'}`,
    );
  const serverName = cluster['tls-server-name'];
  return {
    server: cluster.server.replace(/\/$/, ''),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { certificate: { cert, key } }),
    skipsVerification: cluster['insecure-skip-tls-verify'] ?? false,
    ...(serverName !== undefined && { serverName }),
    ...credentialsOf(user, folder),
  };
}

/** Says where the text is no YAML, and not what stands there: it may be a token. */
function parseYaml(text: string, fail: (reason: string) => never): unknown {
  try {
    return load(text);
  } catch (error) {
    const line = error instanceof YAMLException ? (error.mark?.line ?? 0) + 1 : 1;
    return fail(`line ${line} is not YAML`);
  }
}

type Credentials = Pick<KubernetesAccess, 'authorization' | 'refused'>;

function credentialsOf(user: User, folder: string): Credentials {
  const { token, tokenFile, username, password = '', exec } = user;
  if (exec) return credentialProgram(exec);
  const authorization = async () => {
    if (tokenFile !== undefined)
      return `Bearer ${(await readFile(resolve(folder, tokenFile), 'utf8')).trim()}`;
    if (token !== undefined) return `Bearer ${token}`;
    if (username !== undefined) return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    return undefined;
  };
  return { authorization };
}

const credentialSchema = z.looseObject({
  status: z.looseObject({
    token: z.string().optional(),
    expirationTimestamp: z.string().optional(),
    clientCertificateData: z.string().optional(),
  }),
});

/** A program that asks a cloud may take its time; one that hangs is ended. */
const PROGRAM_LIMIT_MS = 60_000;
const PROGRAM_OUTPUT_BYTES = 1 << 20;
/** A token from a program is used until a little before it expires. */
const EXPIRY_MARGIN_MS = 10_000;

/**
 * Whoever asks while the program runs gets what it says. No error has its arguments or its output: they may be secrets.
 *
 * Source: Kubernetes `client-go/plugin/pkg/client/auth/exec/exec.go` (a 401 has the program run again).
 */
function credentialProgram(exec: NonNullable<User['exec']>): Credentials {
  const { apiVersion, command, args, env } = exec;
  let known: { readonly authorization: string | undefined; readonly untilMs: number } | undefined;
  let running: Promise<string | undefined> | undefined;
  const run = async () => {
    const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
    const { stdout } = await promisify(execFile)(command, args ?? [], {
      timeout: PROGRAM_LIMIT_MS,
      maxBuffer: PROGRAM_OUTPUT_BYTES,
      env: {
        ...process.env,
        ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: JSON.stringify(info),
      },
    }).catch((error: { code?: string | number | null; signal?: string | null }) => {
      const how = error.code ?? error.signal ?? 'unknown reason';
      throw new Error(
        `"${command}", which the kubeconfig names, has failed (${how}); run kubectl get namespaces to see what it says`,
      );
    });
    const { token, expirationTimestamp } = readCredential(stdout, command);
    known = {
      authorization: token === undefined ? undefined : `Bearer ${token}`,
      untilMs:
        expirationTimestamp === undefined
          ? Number.POSITIVE_INFINITY
          : Date.parse(expirationTimestamp) - EXPIRY_MARGIN_MS,
    };
    return known.authorization;
  };
  return {
    async authorization() {
      if (known && Date.now() < known.untilMs) return known.authorization;
      running ??= run().finally(() => {
        running = undefined;
      });
      return running;
    },
    refused: () => {
      known = undefined;
    },
  };
}

/** Nothing of what was printed is in the error: it may be a token. */
function readCredential(text: string, command: string) {
  const status = parseCredential(text);
  const named = `"${command}", which the kubeconfig names,`;
  if (!status) throw new Error(`${named} has printed no ExecCredential`);
  if (status.token === undefined && status.clientCertificateData !== undefined)
    throw new Error(`${named} gives a client certificate: programs that give a token are supported`);
  return status;
}

function parseCredential(text: string) {
  try {
    return credentialSchema.parse(JSON.parse(text)).status;
  } catch {
    return undefined;
  }
}
