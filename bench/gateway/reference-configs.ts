/** Minimal configurations of nginx and haproxy with the gateway's handling of headers. */

export interface ConfigOptions {
  port: number;
  upstreamPort: number;
  /** For the program's own files. */
  directory: string;
  /** @default the program's own */
  head?: HeadLimits | undefined;
}

/** Limits of a request's header section. */
export interface HeadLimits {
  bytes: number;
  headers: number;
}

/** Directives that are the same for nginx as proxy and as upstream. */
function toNginxMain(directory: string): string {
  return `daemon off;
master_process off;
worker_rlimit_nofile 8192;
error_log stderr crit;
pid ${directory}/pid;
events { worker_connections 4096; }
`;
}

/** Paths that nginx would make below its prefix even where it never writes a byte there. */
function toNginxTemporary(directory: string): string {
  return ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${directory}/${name};`)
    .join("\n");
}

/** One worker; no access log, as the gateway has none; answers do not go through files. */
export function toNginxProxyConfig(options: ConfigOptions): string {
  const { port, upstreamPort, directory, head } = options;
  // nginx does not limit the number of headers. Four buffers, the default: with fewer, a request
  // directly after a long one gets no buffer.
  const limits = head === undefined ? "" : `large_client_header_buffers 4 ${head.bytes};`;
  return `${toNginxMain(directory)}http {
${toNginxTemporary(directory)}
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 75s;
  client_max_body_size 0;
  ${limits}
  upstream function {
    server 127.0.0.1:${upstreamPort};
    keepalive 512;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://function;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Call-Id $request_id;
      proxy_set_header X-Start-Time $msec;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      add_header X-Call-Id $request_id always;
      add_header X-Start-Time $msec always;
    }
  }
}
`;
}

/** One thread, connections to the upstream shared between callers. */
export function toHaproxyConfig({ port, upstreamPort, head }: ConfigOptions): string {
  // haproxy's internal form of the header section is longer, and it counts the request line.
  const limits =
    head === undefined
      ? ""
      : `  tune.bufsize ${2 * head.bytes}\n  tune.http.maxhdr ${head.headers + 1}\n`;
  return `global
${limits}  nbthread 1
  maxconn 4096
  log /dev/null local0
defaults
  mode http
  timeout connect 3s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port} backlog 1024
  default_backend function
backend function
  http-reuse always
  http-request set-var(txn.id) uuid()
  http-request set-header X-Call-Id %[var(txn.id)]
  http-request set-header X-Start-Time %[date()]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-For %[src]
  http-response set-header X-Call-Id %[var(txn.id)]
  http-response set-header X-Start-Time %[date()]
  server function 127.0.0.1:${upstreamPort} pool-max-conn 512
`;
}

/**
 * A function that does next to nothing: 20 bytes from memory, 100 KB of the file `large` from the
 * page cache. Its paths are the same with and without the gateway's prefix.
 */
export function toNginxUpstreamConfig({
  port,
  directory,
}: Omit<ConfigOptions, "upstreamPort">): string {
  const twice = (path: string, action: string): string =>
    ["", "/function/bench"]
      .map((prefix) => `    location = ${prefix}/${path} { ${action} }`)
      .join("\n");
  return `${toNginxMain(directory)}http {
${toNginxTemporary(directory)}
  access_log off;
  default_type text/plain;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=16;
  keepalive_requests 100000000;
  keepalive_timeout 75s;
  client_max_body_size 0;
  client_body_buffer_size 128k;
  server {
    listen 127.0.0.1:${port} backlog=1024;
${twice("small", 'return 200 "twenty bytes answer\\n";')}
${twice("large", `alias ${directory}/large;`)}
  }
}
`;
}
