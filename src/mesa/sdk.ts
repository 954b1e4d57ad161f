// All of Mesa's SDK that is used: what is named here is bundled, its filesystem and shell are not.
export { Mesa } from "@mesadev/sdk";
