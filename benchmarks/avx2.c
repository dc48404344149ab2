/* Measure as on a processor that has AVX2 and nothing after it, on one that has more (Linux, x86-64, a processor that
 * can let CPUID fault):
 *
 *     gcc -O1 -fPIC -shared benchmarks/avx2.c -o avx2.so
 *     LD_PRELOAD=$PWD/avx2.so python benchmarks/painter.py
 *
 * Libraries ask the CPUID instruction what they may use. Here it faults, and the answer leaves out AVX-512, AMX and
 * AVX-VNNI. Speed is otherwise this processor's own.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012 /* arch_prctl(2) */
#define BIT(n) (1u << (n))

static long let_cpuid_run(int allowed) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static void answer(int signal_number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = (const uint8_t *)registers[REG_RIP];
    if (code[0] != 0x0f || code[1] != 0xa2) { /* another fault: it comes again, and ends the program */
        signal(SIGSEGV, SIG_DFL);
        return;
    }
    uint32_t leaf = registers[REG_RAX], part = registers[REG_RCX], a = leaf, b, c = part, d;
    let_cpuid_run(1);
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    let_cpuid_run(0);
    if (leaf == 7 && part == 0) {
        b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31)); /* AVX-512 */
        c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(23) | BIT(22) | BIT(24) | BIT(25)); /* AVX-512, AMX */
    }
    if (leaf == 7 && part == 1) {
        a &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23)); /* AVX-VNNI, bfloat16, AMX's half precision, AVX-IFMA */
        d = 0;
    }
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, 0);
    if (let_cpuid_run(0)) {
        static const char refusal[] = "this processor, or its host, lets no CPUID fault\n";
        (void)!write(2, refusal, sizeof refusal - 1);
        _exit(1);
    }
}
