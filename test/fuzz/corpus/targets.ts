/**
 * Request targets that lead elsewhere than they seem to: traversal, escapes, forms
 * (CVE-2021-41773, CVE-2023-25690, CVE-2023-45539, CVE-2024-38475).
 */
import { get, raw, seeds } from "./request.ts";

const paths = [
  ...[
    "//function/x",
    "/function//x",
    "/function/x//a",
    "/./function/x",
    "/function/./x",
    "/function/x/.",
  ],
  ...["/function/x/..", "/function/../system/functions", "/function/x/../../system/functions"],
  ...["/function/%2e%2e/system/functions", "/function/x/%2e%2e/%2e%2e/system/functions"],
  ...["/function/x/.%2e/.%2E/system/functions", "/function/x/%252e%252e/system/functions"],
  ...["/function/x/..;/..;/system/functions", "/function/x;/a", "/function;/x", "/function/x/;a=b"],
  ...[
    "/function/x%2Fa",
    "/function%2Fx",
    "/%2Ffunction/x",
    "/function/a%2f..%2f..%2fsystem/functions",
  ],
  ...[
    "/function/x/a%2f..%2fb",
    "/function/x/..%2f..%2fsystem%2ffunctions",
    "/function/x%00",
    "/%00",
  ],
  ...[
    "/function/x/%00",
    "/function/x%0d%0aHost:%20evil",
    "/function/x/%0d%0a%0d%0a",
    "/function/x%zz",
  ],
  ...["/function/x/%", "/function/x/%2", "/function/x?%zz", "/function/x\\a", "/function\\x"],
  ...[
    "/function/x/..\\..\\system\\functions",
    "\\function\\x",
    "/function/x#f",
    "/function/x/#/../y",
  ],
  ...[
    "/function/x?#",
    "/function/x?a#b",
    "/function/x?",
    "/function/x??",
    "/function/x?a=/../../system",
  ],
  ...["/function/x/?../../system", "/system/functions", "//system/functions", "/System/functions"],
  ...[
    "/system/../function/x",
    "/system/functions?x=/function/x",
    "/system%2Ffunctions",
    "/system/info",
  ],
  ...[
    "/system/secrets",
    "/%73ystem/functions",
    "/system//functions",
    "/system/functions/",
    "/ui/",
    "/docs",
  ],
  ...[
    "/metrics",
    "/healthz",
    "/openapi.json",
    "/function/",
    "/function",
    "/function/none",
    "/function/-",
  ],
  ...[
    "/function/x.openfaas-fn",
    "/function/x.kube-system",
    "/function/x.",
    "/function/.x",
    "/function/..",
  ],
  ...[
    "/function/x.openfaas-fn.",
    "/function/x..openfaas-fn",
    "/function/X",
    "/function/x ",
    "/function/x y",
  ],
  ...[
    "/function/x\xff",
    "/function/x/\xff\xfe",
    "/function/\xc3\xa9",
    "/function/x/\xc3\xa9",
    "/function/x/\x7f",
  ],
  ...[
    "/function/x/\x01",
    '/function/x/"<>',
    "/function/x/{}|^`",
    "/function/x/[a]",
    "/function/x/:80",
  ],
  ...[
    "/function/x/http://evil/",
    "/function/x//evil.example/",
    "/function/x/@evil",
    "/function/__proto__",
  ],
  ...[
    "/function/constructor",
    "/function/toString",
    "/async-function/x",
    "/async-function/../function/x",
  ],
  ...[
    "/function/x?\xff",
    "/function/x?a b",
    "/FUNCTION/x",
    "/function/y",
    "/function/xy",
    "/function/y/%41",
  ],
];
const origin = paths.flatMap((path) => seeds("path", { [JSON.stringify(path)]: get(path) }));

const posts = paths
  .filter((path) => path.startsWith("/system") || path.includes(".."))
  .flatMap((path) =>
    seeds("path", {
      [`POST ${JSON.stringify(path)}`]: raw(
        `POST ${path} HTTP/1.1`,
        ["Content-Type: application/json", "Content-Length: 30", "Authorization: Basic YTpi"],
        '{"service":"z","image":"z/z:1"}'.slice(0, 30),
      ),
    }),
  );

const forms = [
  ...[
    "http://h/function/x",
    "http://h:80/function/x",
    "HTTP://H/function/x",
    "https://h/function/x",
  ],
  ...[
    "http:///function/x",
    "http://h",
    "http://h?q",
    "http://user:pw@h/function/x",
    "http:/function/x",
  ],
  ...[
    "http://h/system/functions",
    "http://h//function/x",
    "ftp://h/function/x",
    "function/x",
    "*",
    "h:80",
  ],
  ...[
    "http://h\\function\\x",
    "http://h#/function/x",
    "http://[::1]/function/x",
    "ws://h/function/x",
  ],
  ...[
    "http://h/function/x/../../system/functions",
    "http://evil/function/x",
    "?/function/x",
    "#",
    ".",
  ],
  ...[
    "http://h:80:80/function/x",
    "http://h /function/x",
    "http://h%00/function/x",
    "//h/function/x",
  ],
];
const targets = forms.flatMap((form) =>
  seeds("target form", { [JSON.stringify(form)]: get(form) }),
);

const long = seeds("long target", {
  "path of 8 KB": get(`/function/x/${"a".repeat(8000)}`),
  "path of 60 KB": get(`/function/x/${"a".repeat(60_000)}`),
  "path of 100 KB": get(`/function/x/${"a".repeat(100_000)}`),
  "name of 10 KB": get(`/function/${"a".repeat(10_000)}`),
  "10,000 dots": get(`/function/x${"/.".repeat(10_000)}`),
  "10,000 dot-dots": get(`/function/x${"/..".repeat(10_000)}/function/x`),
  "10,000 slashes": get(`/function/x${"/".repeat(10_000)}`),
  "query of 60 KB": get(`/function/x?${"a=b&".repeat(15_000)}`),
  "many escapes": get(`/function/x/${"%2e".repeat(5000)}`),
});

export const targetSeeds = [...origin, ...posts, ...targets, ...long];
