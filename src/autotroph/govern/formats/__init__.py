"""What gives people and secrets away, found by its format: one file a kind.

cards         payment cards: issuer, length, Luhn's sum
ibans         bank accounts: country, length, check digits
emails        e-mail addresses
phones        telephone numbers, by how they are written
credentials   keys and tokens: a provider's form, and that they look drawn by lot
signs         what the finders share
finders       all of them, in the order in which they are asked

Every finder takes time in proportion to the text, whatever is in it.
"""
