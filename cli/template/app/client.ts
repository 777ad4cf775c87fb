/** Calls the service once, by gRPC: npm run client [NAME]. */
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { AppNameService } from './gen/app_name/v1/app_name_pb.ts';

const baseUrl = process.env.ADDRESS ?? 'http://localhost:8080';
const client = createClient(AppNameService, createGrpcTransport({ baseUrl }));
const { message, version } = await client.sayHello({ name: process.argv[2] ?? 'laurence' });
console.log(`${message} (${version})`);
process.exit(0);
