/** A real browser for tests: the machine's Chromium, or Debian's unpacked into the cache. */
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { isExecutable } from "../../cli/preflight.ts";
import { toLibraryPath, unpackDebianTree } from "./debian-tree.ts";

/** Under these names distributions and vendors install it. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** What is unpacked where there is none of them, together with what it depends on. */
const PACKAGES = ["chromium", "fonts-inter", "fonts-dejavu-core", "fonts-liberation"];

/** Of the dependencies only libraries and fonts; scripts of an installation are not run. */
const NEEDED = /^(chromium|fonts-|lib)/;
/** The C library goes with the machine's program loader; graphics drivers are for a window. */
const NEEDLESS = /^(libc6|libllvm|libz3|libgl1-mesa-dri|libperl)/;

/** No traffic except for the page, and a new profile for each launch. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

interface Program {
  path: string;
  /** What it needs in its environment besides what there is. */
  environment: Record<string, string>;
}

/** Starts a browser without a window; close it in the end. */
export async function launchChromium(): Promise<Browser> {
  const { path, environment } = findInstalled() ?? (await unpack());
  return await chromium.launch({
    executablePath: path,
    args: ARGUMENTS,
    // Only to end a hang: on a busy machine it takes its time.
    timeout: 180_000,
    env: { ...process.env, ...environment },
  });
}

/** Ubuntu's `chromium-browser` may be a script that asks for a snap: `PLONK_CHROMIUM` is first. */
function findInstalled(): Program | undefined {
  const chosen = process.env["PLONK_CHROMIUM"];
  if (chosen !== undefined && chosen !== "") {
    return { path: chosen, environment: {} };
  }
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = PROGRAMS.flatMap((name) => folders.map((folder) => join(folder, name)));
  const path = paths.find(isExecutable);
  return path === undefined ? undefined : { path, environment: {} };
}

/** Unpacks Chromium and what it needs, which installs nothing and needs no root. */
async function unpack(): Promise<Program> {
  const directory = await unpackDebianTree({
    name: "chromium",
    packages: PACKAGES,
    needed: NEEDED,
    needless: NEEDLESS,
    finish: (destination) => writeFile(join(destination, "fonts.conf"), FONTS),
  });
  return {
    path: join(directory, "usr/lib/chromium/chromium"),
    environment: {
      LD_LIBRARY_PATH: toLibraryPath(directory, "pulseaudio"),
      FONTCONFIG_FILE: join(directory, "fonts.conf"),
    },
  };
}

/** The fonts of the unpacked packages; the path is relative, as the directory is moved at last. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`;
