import type { CommandTest } from "./structure-file";

/** Why a test cannot be run as it stands; undefined when it can. */
export function missingParts(
  test: { readonly name: string } & Partial<CommandTest> & { readonly path?: string },
): string | undefined {
  if (test.name === "") return "it has no name";
  if (test.command === "") return "it has no command";
  if (test.path === "") return "it has no path";
  if ([...(test.setup ?? []), ...(test.teardown ?? [])].some((step) => step.length === 0))
    return "it has an empty setup or teardown command";
  return (test.envVars ?? []).some(({ key, value }) => key === "" || value === "")
    ? "a variable of it has no key or no value"
    : undefined;
}
