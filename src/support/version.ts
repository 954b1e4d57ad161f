declare const __MESA_TEMPLATE_VERSION__: string | undefined;

/** This program's version, inserted by the build. */
export const VERSION =
  typeof __MESA_TEMPLATE_VERSION__ === "string" ? __MESA_TEMPLATE_VERSION__ : "0.0.0-source";
