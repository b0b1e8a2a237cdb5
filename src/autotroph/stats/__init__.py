"""Arithmetic only, no I/O: tests and intervals that stay valid however often one looks.

betting       is the mean above a threshold? exact, at any time
confidence    between which numbers does it lie? over time, for means and relative gains
offpolicy     what would another policy have earned, from the log
exploration   what did trying other options cost, and buy?
allocation    two arms whose shares are unequal or change: one increment a unit
adjustment    what a unit would have earned, from what was known before
evalues       several pieces of evidence put together, or ranked
alpha         how much error a season's candidates may spend together
certificate   how many lying units a verdict would have survived
ratio         did the arms get their shares?
drift         has the reward fallen below its reference?
surrogates    does what moves the reward move the outcome?
association   how closely do two columns go together?
delays        does a horizon see what comes back?
audits        has the reward risen while a sample that somebody looked at has not?
batched       hundreds of runs of one bet at once
shares        how often does something happen?
"""
