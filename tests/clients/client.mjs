// Ask for a URL with one of node's clients: client.mjs NAME URL. Ends with 0 if there is an answer.
import http from 'node:http';
import https from 'node:https';

const [name, url] = process.argv.slice(2);
const secure = url.startsWith('https:');
const proxy = process.env[secure ? 'https_proxy' : 'http_proxy'];

const clients = {
  fetch: () => fetch(url),
  undici: async () => {
    const { EnvHttpProxyAgent, request } = await import('undici');
    return request(url, { dispatcher: new EnvHttpProxyAgent() });
  },
  axios: async () => (await import('axios')).default.get(url, { timeout: 5000 }),
  got: async () => {
    const { got } = await import('got');
    const { HttpProxyAgent } = await import('http-proxy-agent');
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    const agent = proxy ?
      { http: new HttpProxyAgent(proxy), https: new HttpsProxyAgent(proxy) } : {};
    return got(url, { agent, retry: { limit: 0 }, timeout: { request: 5000 } });
  },
  'global-agent': async () => {
    (await import('global-agent')).bootstrap();
    return new Promise((resolve, reject) => {
      (secure ? https : http).get(url, resolve).on('error', reject);
    });
  },
};

setTimeout(() => process.exit(3), 8000).unref();
try {
  await clients[name]();
  process.exit(0);
} catch (error) {
  console.error(String(error.cause || error));
  process.exit(1);
}
