/** Chromium where Debian's package or another put it, and its software GPU. */
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
/** Path of the browser; undefined where there is none. */
export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) =>
  existsSync(p),
)
const FOLDER = '/usr/lib/chromium'
const icd = join(FOLDER, 'vk_swiftshader_icd.json')
const loader = join(FOLDER, 'libvulkan.so.1')
/** glibc's: the library stays when its handle is closed. */
const RTLD_NODELETE = 0x1000
/** Lets Dawn find the software device, unless the machine's own is named. Before a device is opened. */
export function nameSoftwareGpu() {
  if (existsSync(icd)) process.env.VK_ICD_FILENAMES ??= icd
  process.env.XDG_RUNTIME_DIR ??= '/tmp'
  if (!existsSync(loader)) return
  // Chromium's own Vulkan loader, where the machine has none: Dawn finds it loaded here, child processes by the path.
  process.env.LD_LIBRARY_PATH ??= FOLDER
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_NOW | RTLD_NODELETE)
  } catch {
    // It is no addon, which is noticed once it is loaded.
  }
}
//# sourceMappingURL=chromium.js.map
