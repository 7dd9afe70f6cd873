/** Browsers have no addons. */
export const tryAddon = <T>(_name: string): { readonly addon?: T } => ({})
