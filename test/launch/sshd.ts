import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, afterEach, expect } from "vitest";
import { folderOf } from "../support/folders.js";
import { freePorts } from "../support/ports.js";
import { signalLeft } from "../support/processes.js";

/*
 * Machines that are reached by ssh: names that lead to a real sshd on this one, each with a home of its own. What a user
 * would have put there is there: Node, pydist-node, and the public key.
 */

const MAIN = join(dirname(createRequire(import.meta.url).resolve("pydist-node/package.json")), "dist/cli/main.js");
const SSHD = "/usr/sbin/sshd";

/** Why there can be no such machines here; undefined if there can. */
export function whatIsMissing(): string | undefined {
  if (process.platform !== "linux") return "what is left of a node is looked for in /proc";
  if (process.getuid?.() !== 0) return "sshd needs root";
  for (const command of [SSHD, "/usr/bin/ssh", "/usr/bin/ssh-keygen"]) {
    if (!existsSync(command)) return `${command} is not here (apt-get install openssh-server openssh-client)`;
  }
  return undefined;
}

interface Machine {
  readonly name: string;
  readonly home: string;
  readonly port: number;
}

export class Machines {
  /** What leads the system's ssh to them. */
  readonly options: readonly string[];
  readonly #all: readonly Machine[];

  private constructor(all: readonly Machine[], config: string) {
    this.#all = all;
    this.options = ["--ssh-option", `-F${config}`];
  }

  /** Starts an sshd that listens for each of them; it ends with the file. @param strangers where the key is not known */
  static async start(names: readonly string[], strangers: readonly string[] = []): Promise<Machines> {
    const folder = folderOf({});
    const keygen = (file: string) =>
      spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, file)]);
    keygen("host");
    keygen("user");
    const every = [...names, ...strangers];
    const ports = await freePorts(every.length);
    const all = every.map((name, index) => ({ name, home: join(folder, name), port: ports[index] as number }));
    for (const { home } of all) {
      mkdirSync(join(home, "bin"), { recursive: true });
      symlinkSync(MAIN, join(home, "bin", "pydist-node"));
    }
    const common = [
      ...["ListenAddress 127.0.0.1", `HostKey ${folder}/host`, `PidFile ${folder}/pid`],
      ...["PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM no", "StrictModes no"],
      ...["PermitRootLogin prohibit-password", "MaxStartups 100"],
    ];
    const each = all.flatMap(({ name, home, port }) => [
      `Match LocalPort ${port}`,
      `AuthorizedKeysFile ${strangers.includes(name) ? "none" : `${folder}/user.pub`}`,
      `ForceCommand export HOME=${home} PATH=${home}/bin:${dirname(process.execPath)}:/usr/bin:/bin; unset PYDIST_SECRET XDG_STATE_HOME; cd; echo "Welcome to ${name}"; exec sh -c "$SSH_ORIGINAL_COMMAND"`,
    ]);
    writeFileSync(
      join(folder, "sshd_config"),
      [...common, ...ports.map((port) => `Port ${port}`), ...each, ""].join("\n"),
    );
    const known = `UserKnownHostsFile ${folder}/known\nStrictHostKeyChecking accept-new\nIdentityFile ${folder}/user\nIdentitiesOnly yes\n`;
    const aliases = all.map(({ name, port }) => `Host ${name}\nHostName 127.0.0.1\nPort ${port}\n${known}`);
    writeFileSync(join(folder, "ssh_config"), aliases.join(""));

    mkdirSync("/run/sshd", { recursive: true });
    const sshd = spawn(SSHD, ["-D", "-e", "-f", join(folder, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    const end = (): void => void sshd.kill("SIGKILL");
    process.once("exit", end);
    afterAll(async () => {
      process.off("exit", end);
      const gone = once(sshd, "exit");
      sshd.kill();
      await gone;
    });
    let said = "";
    for await (const part of sshd.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      said += part;
      if (said.split("Server listening").length > every.length) break;
    }
    sshd.stderr.resume();
    const machines = new Machines(all, join(folder, "ssh_config"));
    afterEach(() => {
      machines.killLeft();
      machines.restore();
    });
    return machines;
  }

  /** Where that machine has `pydist-node`: a program of its own, in shell. */
  install(name: string, script: string): void {
    const file = join(this.home(name), "bin", "pydist-node");
    rmSync(file);
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  uninstall(name: string): void {
    rmSync(join(this.home(name), "bin", "pydist-node"));
  }

  /** As it was at first. */
  restore(): void {
    for (const { home } of this.#all) {
      rmSync(join(home, "bin", "pydist-node"), { force: true });
      symlinkSync(MAIN, join(home, "bin", "pydist-node"));
    }
  }

  home(name: string): string {
    return this.#all.find((machine) => machine.name === name)?.home ?? "";
  }

  /** Processes of pydist on that machine, by what /proc tells of them. */
  processes(name: string): { readonly pid: number; readonly args: string; readonly env: string }[] {
    const home = this.home(name);
    return readdirSync("/proc").flatMap((pid) => {
      const read = (file: string): string => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, "utf8");
        } catch {
          return "";
        }
      };
      if (!/^\d+$/.test(pid)) return [];
      const env = read("environ");
      if (!env.split("\0").includes(`HOME=${home}`)) return [];
      return [{ pid: Number(pid), args: read("cmdline").replaceAll("\0", " ").trim(), env }];
    });
  }

  /** Resolves when nothing of pydist runs on that machine any more. */
  async empty(name: string): Promise<void> {
    await expect.poll(() => this.processes(name), { interval: 50, timeout: 20_000 }).toEqual([]);
  }

  killLeft(): void {
    for (const { name } of this.#all) for (const { pid } of this.processes(name)) signalLeft(pid, "SIGKILL");
  }
}
