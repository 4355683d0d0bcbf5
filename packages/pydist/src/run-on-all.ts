import type { AnyFunction, GivenAll } from "@pydist/futures";
import type { ClusterExecutor } from "./executor.js";

/** `runOnAll`'s arguments after the function: they may be left out only if the function can be called without any. */
export type RunOnAllRest<F extends AnyFunction> =
  [] extends Parameters<F> ? [args?: GivenAll<Parameters<F>>] : [args: GivenAll<Parameters<F>>];

/** One task for each node that has workers and takes tasks now. */
export async function runOnAll<F extends AnyFunction>(
  executor: ClusterExecutor,
  fn: F,
  rest: RunOnAllRest<F>,
): Promise<Map<string, PromiseSettledResult<Awaited<ReturnType<F>>>>> {
  const nodes = (await executor.nodes()).filter(({ workers, state }) => workers > 0 && state === "ready");
  const [args = []] = rest;
  const submit = executor.submit.bind(executor) as (
    fn: F,
    args: readonly unknown[],
    options: { readonly node: string },
  ) => Promise<Awaited<ReturnType<F>>>;
  const settled = await Promise.allSettled(nodes.map(({ id }) => submit(fn, args, { node: id })));
  return new Map(nodes.map(({ id }, at) => [id, settled[at] as (typeof settled)[number]]));
}
