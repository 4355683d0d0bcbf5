import { describe, expect, it } from "vitest";
import { fileHome, runCli } from "../../support/processes.js";

/* What `--dry-run` prints: what would be submitted, and all of it. */

const FULL = [
  ...["--count", "8", "--name", "mandel", "--cores", "4", "--memory", "6G", "--time", "1h30m", "--queue", "long"],
  ...["--account", "lab7", "--output", "out/%x.txt", "--error", "err.txt", "--mail-user", "ada@example.org"],
  ...["--mail-type", "all", "--setup", "module load nodejs", "--command", "pydist-node", "--cluster", "render"],
  ...["--parent", "login1:9000,login2:9000", "--", "--allow-exec", "--log-level", "warn"],
];
const PLAIN = ["--count", "2", "--command", "pydist-node", "--parent", "login1:9000"];

async function script(system: string, flags: readonly string[], directive?: string): Promise<string> {
  const own = directive === undefined ? [] : ["--directive", directive];
  const { code, stdout, stderr } = await runCli(["launch", system, "--dry-run", ...own, ...flags]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.replaceAll(fileHome().secretFile, "SECRET");
}

describe("a batch script", () => {
  it("of Slurm is an array, and has every directive", async () => {
    expect(await script("slurm", FULL, "--constraint=avx2")).toMatchInlineSnapshot(`
      "#!/bin/sh
      #SBATCH --job-name=mandel
      #SBATCH --array=1-8
      #SBATCH --nodes=1
      #SBATCH --ntasks=1
      #SBATCH --cpus-per-task=4
      #SBATCH --mem=6144M
      #SBATCH --time=01:30:00
      #SBATCH --signal=B:TERM@35
      #SBATCH --partition=long
      #SBATCH --account=lab7
      #SBATCH --output=out/%x.txt
      #SBATCH --error=err.txt
      #SBATCH --mail-user=ada@example.org
      #SBATCH --mail-type=BEGIN,END,FAIL
      #SBATCH --constraint=avx2

      module load nodejs
      [ $? = 0 ] || { printf '%s\\n' 'pydist-node: the job ends here, since this line of --setup failed: module load nodejs' >&2; exit 1; }
      exec pydist-node spawn --name "mandel-\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}" --workers 4 --parent login1:9000,login2:9000 --port 0 --drain-grace 20000 --reconnect 600s --cluster render --secret-file SECRET --allow-exec --log-level warn
      "
    `);
  });

  it("of PBS is one job, and has every directive", async () => {
    expect(await script("pbs", FULL, "-W group_list=lab7")).toMatchInlineSnapshot(`
      "#!/bin/sh
      #PBS -S /bin/sh
      #PBS -N mandel
      #PBS -l nodes=1:ppn=4
      #PBS -l mem=6144mb
      #PBS -l walltime=01:30:00
      #PBS -q long
      #PBS -A lab7
      #PBS -o out/%x.txt
      #PBS -e err.txt
      #PBS -M ada@example.org
      #PBS -m bea
      #PBS -W group_list=lab7

      module load nodejs
      [ $? = 0 ] || { printf '%s\\n' 'pydist-node: the job ends here, since this line of --setup failed: module load nodejs' >&2; exit 1; }
      # Some time before the end the node begins to leave; it has the process id of this shell.
      (sleep 5365; kill -TERM $$) >/dev/null 2>&1 &
      exec pydist-node spawn --name "mandel-\${PBS_JOBID%%.*}" --workers 4 --parent login1:9000,login2:9000 --port 0 --drain-grace 20000 --reconnect 600s --cluster render --secret-file SECRET --allow-exec --log-level warn
      "
    `);
  });

  it("of Grid Engine is an array, and has every directive", async () => {
    expect(await script("sge", FULL, "-P project7")).toMatchInlineSnapshot(`
      "#!/bin/sh
      #$ -S /bin/sh
      #$ -cwd
      #$ -notify
      #$ -N mandel
      #$ -t 1-8
      #$ -pe smp 4
      #$ -l mem_free=1536M
      #$ -l h_rt=01:30:00
      #$ -q long
      #$ -A lab7
      #$ -o out/%x.txt
      #$ -e err.txt
      #$ -M ada@example.org
      #$ -m bea
      #$ -P project7

      module load nodejs
      [ $? = 0 ] || { printf '%s\\n' 'pydist-node: the job ends here, since this line of --setup failed: module load nodejs' >&2; exit 1; }
      trap : USR1
      pydist-node spawn --name "mandel-\${JOB_ID}.\${SGE_TASK_ID}" --workers 4 --parent login1:9000,login2:9000 --port 0 --drain-grace 20000 --reconnect 600s --cluster render --secret-file SECRET --allow-exec --log-level warn &
      node=$!
      trap 'kill -TERM "$node"' USR2 TERM
      wait "$node"; code=$?
      # A signal ends the waiting, not the node.
      while kill -0 "$node" 2>/dev/null; do wait "$node"; code=$?; done
      exit $code
      "
    `);
  });

  it("says nothing that was not asked for: a node has the cores that it is given", async () => {
    expect(await script("slurm", PLAIN)).toMatchInlineSnapshot(`
      "#!/bin/sh
      #SBATCH --job-name=pydist
      #SBATCH --array=1-2
      #SBATCH --nodes=1
      #SBATCH --ntasks=1
      #SBATCH --signal=B:TERM@35

      exec pydist-node spawn --name "pydist-\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}" --workers "\${SLURM_CPUS_ON_NODE:-1}" --parent login1:9000 --port 0 --drain-grace 20000 --reconnect 600s --secret-file SECRET
      "
    `);
    expect(await script("pbs", PLAIN)).toMatchInlineSnapshot(`
      "#!/bin/sh
      #PBS -S /bin/sh
      #PBS -N pydist
      #PBS -j oe

      exec pydist-node spawn --name "pydist-\${PBS_JOBID%%.*}" --workers "\${PBS_NUM_PPN:-\${NCPUS:-1}}" --parent login1:9000 --port 0 --drain-grace 20000 --reconnect 600s --secret-file SECRET
      "
    `);
    expect(await script("sge", PLAIN)).toMatchInlineSnapshot(`
      "#!/bin/sh
      #$ -S /bin/sh
      #$ -cwd
      #$ -notify
      #$ -N pydist
      #$ -t 1-2
      #$ -j y

      trap : USR1
      pydist-node spawn --name "pydist-\${JOB_ID}.\${SGE_TASK_ID}" --workers "\${NSLOTS:-1}" --parent login1:9000 --port 0 --drain-grace 20000 --reconnect 600s --secret-file SECRET &
      node=$!
      trap 'kill -TERM "$node"' USR2 TERM
      wait "$node"; code=$?
      # A signal ends the waiting, not the node.
      while kill -0 "$node" 2>/dev/null; do wait "$node"; code=$?; done
      exit $code
      "
    `);
  });

  it("calls the pydist-node that wrote it, unless told otherwise", async () => {
    const { stdout } = await runCli(["launch", "slurm", "--dry-run", "--count", "1", "--parent", "login1"]);
    expect(stdout).toContain(`exec ${process.execPath} `);
    expect(stdout).toMatch(/\/dist\/cli\/main\.js spawn --name /);
  });
});
