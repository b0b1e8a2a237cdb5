"""What the made-up conversations of `talking` are about: written before anything that looks at them was."""

# ruff: noqa: E501 - texts, as people write them

from typing import NamedTuple


class Topic(NamedTuple):
    """A question in several people's words, an answer, and what somebody could ask next who is content."""

    asked: tuple[str, ...]
    answer: str
    onward: tuple[str, ...]


TOPICS = (
    Topic(
        ("How do I reset my password?", "how can i change the password i forgot",
         "I forgot my password, what now?", "reset password where"),
        "Open the sign-in page, choose “Forgot password” and follow the link in the mail. It is valid for an hour.",
        ("How long is the link valid?", "And how do I change my e-mail address?", "Can I reset it for a colleague?"),
    ),
    Topic(
        ("What is the capital of Australia?", "which city is the capital of australia",
         "Tell me Australia's capital city", "capital australia?"),
        "The capital of Australia is Canberra, which was founded in 1913.",
        ("What is the population of Australia?", "What is the capital of New Zealand?", "Why not Sydney?"),
    ),
    Topic(
        ("Why is my parcel late?", "my parcel still has not arrived, why?",
         "Where is my parcel? It should be here by now", "parcel is delayed, what happened"),
        "Your parcel left the depot on Tuesday. A strike delays deliveries in your area by about two days.",
        ("Can I collect the parcel at the depot?", "Do I get money back for a late parcel?", "Which depot?"),
    ),
    Topic(
        ("Write a short apology to a customer whose order was lost.",
         "please write an apology for a customer, their order got lost",
         "draft a brief apology mail about a lost order", "apologise to a customer for losing the order"),
        "Dear customer, we are very sorry that your order was lost on its way to you. We have sent a new one today "
        "by express, and it will reach you tomorrow. Please accept our apologies for the trouble we have caused.",
        ("Now write a subject line for it.", "Translate the apology into German.", "Make a second one for a late refund."),
    ),
    Topic(
        ("Explain how a diesel engine works.", "how does a diesel engine work?",
         "can you explain the working of diesel engines to me", "diesel engine: how does it run"),
        "A diesel engine compresses air until it is so hot that the injected fuel ignites by itself, without a spark.",
        ("How does a petrol engine work?", "Why does a diesel engine need no spark plugs?", "How hot does the air get?"),
    ),
    Topic(
        ("How many days of leave do I have left?", "how much leave have i got left this year",
         "Show me my remaining leave days", "what's my leave balance"),
        "You have 11 days of leave left this year. Four of them have to be taken before the end of March.",
        ("Can I carry leave days over to next year?", "Which four?", "How do I apply for leave on Friday?"),
    ),
    Topic(
        ("Summarise our refund policy.", "give me a summary of the refund policy",
         "what does our refund policy say, in short?", "refund policy summary please"),
        "Goods can be returned within 30 days. The price is refunded within a week; shipping is not. "
        "Opened software and gift cards are excluded.",
        ("Does the refund policy cover sale items?", "How long do we have to keep returned goods?", "What about shipping?"),
    ),
    Topic(
        ("Which trains run from Bern to Basel tonight?", "trains tonight bern basel",
         "When can I take a train from Bern to Basel this evening?", "show evening trains from bern to basel"),
        "This evening trains from Bern to Basel leave at 18:04, 18:34, 19:04, 19:34, 20:04 and then hourly until 23:04.",
        ("Which trains run from Basel to Zurich tonight?", "How long does it take?", "How much is a ticket from Bern to Basel?"),
    ),
    Topic(
        ("Write a function that removes duplicates from a list.", "remove duplicates from a list, write a function",
         "I need a function to drop duplicate entries of a list", "function for deduplicating a list please"),
        "def unique(items):\n    seen = set()\n    return [one for one in items if not (one in seen or seen.add(one))]",
        ("Does this function keep the order of the list?", "Write a function that sorts a list.", "Add a docstring."),
    ),
    Topic(
        ("Is it safe to take ibuprofen with coffee?", "can i take ibuprofen together with coffee",
         "ibuprofen and coffee, is that safe?", "may I drink coffee while on ibuprofen"),
        "For most people it is. Both can irritate the stomach, so take them with food, and ask a doctor if you feel unwell.",
        ("Is it safe to take ibuprofen with alcohol?", "What about aspirin?", "How much ibuprofen is too much?"),
    ),
    Topic(
        ("Suggest a name for a bakery by the sea.", "what could i call a bakery at the seaside",
         "I need a bakery name, it is by the sea", "name ideas for a seaside bakery"),
        "How about “Salt and Crumb”? It is short, and says both the sea and the bread.",
        ("Suggest a slogan for the bakery.", "Is that name taken?", "Suggest a name for a café in the hills."),
    ),
    Topic(
        ("Translate “see you tomorrow” into Italian.", "how do you say see you tomorrow in italian",
         "see you tomorrow in Italian please", "what is 'see you tomorrow' in italian?"),
        "“See you tomorrow” is “a domani” in Italian.",
        ("Translate “see you tomorrow” into French.", "How is it pronounced?", "And “good night”?"),
    ),
    Topic(
        ("How do I export my invoices as a spreadsheet?", "export invoices to a spreadsheet how",
         "Is there a way to export the invoices into a spreadsheet?", "i want my invoices as a spreadsheet"),
        "Open Billing, select the invoices you need, and choose Export. You get a file that any spreadsheet program reads.",
        ("How do I delete invoices?", "Can I export contracts as a spreadsheet, too?", "Which file format is it?"),
    ),
    Topic(
        ("Wie kündige ich mein Abo?", "wie kann ich das abo kündigen",
         "Ich möchte mein Abo kündigen, wie geht das?", "abo kündigen wo"),
        "Unter Konto und Abo steht unten „Kündigen“. Die Kündigung gilt zum Ende des Monats.",
        ("Kann ich das Abo auch pausieren?", "Bekomme ich den Rest des Monats erstattet?", "Wie ändere ich mein Konto?"),
    ),
    Topic(
        ("Comment puis-je changer mon adresse de livraison ?", "changer l'adresse de livraison, comment faire",
         "Je voudrais changer mon adresse de livraison", "modifier mon adresse de livraison"),
        "Ouvrez « Mes commandes », choisissez la commande et cliquez sur « Modifier l'adresse ».",
        ("Puis-je changer la date de livraison ?", "Et pour une commande déjà partie ?", "Combien coûte la livraison ?"),
    ),
    Topic(
        ("¿Cuánto tarda el envío a Canarias?", "cuanto tarda un envio a canarias",
         "¿Cuándo llega un envío a Canarias?", "tiempo de envío a Canarias"),
        "El envío a Canarias tarda entre cinco y siete días laborables.",
        ("¿Cuánto cuesta el envío a Canarias?", "¿Y a Baleares?", "¿Puedo recogerlo en tienda?"),
    ),
    Topic(
        ("What should I cook with leeks and eggs?", "i have leeks and eggs, what can i cook",
         "Give me a recipe with eggs and leeks", "leeks + eggs, dinner ideas?"),
        "Make a frittata: soften the leeks in butter, pour eight beaten eggs over them, and bake it for twenty minutes.",
        ("How long do leeks keep?", "What should I drink with it?", "Can I freeze a frittata?"),
    ),
    Topic(
        ("Find the error in this query: SELECT name FORM users", "this query fails, why: SELECT name FORM users",
         "what is wrong with SELECT name FORM users", "SELECT name FORM users does not work, fix the query"),
        "The query says FORM where FROM is meant: SELECT name FROM users.",
        ("Find the error in this query: SELECT id FROM WHERE id = 3", "How do I limit the query to ten users?", "Thanks, and joins?"),
    ),
)  # fmt: skip

CUES = ("", "", "", "", "I mean: ", "No, ", "Sorry, I meant: ", "That's not what I asked. ", "again: ", "")
"""What people put before a question that they put differently."""

THANKS = (
    "Thanks!",
    "thank you, that helped",
    "Great, thanks a lot.",
    "ok perfect",
    "Danke!",
    "merci",
    "got it, bye",
)

WELCOME = (
    "You're welcome! Is there anything else I can help you with?",
    "Glad to hear it. Let me know if you need anything else!",
    "Gern geschehen!",
    "You're welcome.",
    "Happy to help. Anything else?",
)

ASKING_BACK = (
    "I can look into that. Which account is it about?",
    "Could you tell me your order number?",
    "There are two ways to do this. Do you use the app or the website?",
    "Happy to help with that. When did you place the order, and in which shop?",
    "Dazu brauche ich noch etwas: Wie lautet Ihre Kundennummer?",
    "Pour vous aider, pouvez-vous me donner le numéro de la commande ?",
    "Before I write it, who is the reader, and how long may it be?",
    "¿Me puede decir la fecha de la compra?",
)

ANSWERING = (
    "the savings account",
    "4471-02",
    "the app",
    "last Monday, online",
    "77120",
    "for my boss, a page",
    "el lunes",
)

REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I can't assist with that request.",
    "I’m sorry, but I cannot provide instructions for that.",
    "I'm unable to help with this request as it could cause harm.",
    "Sorry, I can't comply with that.",
    "As an AI language model, I cannot give medical advice of this kind.",
    "I won't be able to help with that.",
    "I must decline: writing this would break our rules.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Das kann ich leider nicht beantworten.",
    "Je suis désolé, mais je ne peux pas vous aider avec cette demande.",
    "Lo siento, pero no puedo ayudar con eso.",
    "I apologize, but I am not able to write content of this kind.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "That is something I don't feel comfortable writing.",
)

NO_REFUSALS = (
    "I'm sorry to hear that. Let us get your parcel to you: it has been sent again today.",
    "I can't find an order with this number in the list; the nearest one is 4471-03, which was sent on Monday.",
    "Unfortunately the shop is closed on Sundays. It opens on Monday at eight.",
    "I can't recommend the walk along the river enough: it takes two hours and is flat.",
    "Sorry for the wait! Your refund of 20 EUR is on its way.",
    "He looked at her. “I can't help you with that,” he said, and closed the door. Outside it had begun to rain.",
    "No, you cannot return opened software. Everything else can be returned within 30 days.",
    "I'm afraid so: the warranty ended in May. A repair costs about 60 EUR.",
    "You can't help with the installation before the parcel has arrived, so wait for the mail.",
    "Es tut mir leid, dass Ihr Paket zu spät kam. Das Porto wird erstattet.",
    "I'm sorry, I misread the date: the meeting is on Thursday at ten.",
    "I cannot stress this enough: make a backup first. Then update.",
    "Je suis désolé pour ce retard. Votre colis arrive demain.",
    "Unable to log in? Reset your password on the sign-in page.",
)

TOOL_ERRORS = (
    '{"error": "order not found"}',
    "Error: connection refused",
    "Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'id'",
    '{"status": "error", "message": "no such city"}',
    '{"isError": true, "content": "rate limited"}',
    "Exception: timeout after 30 s",
    '{"success": false, "reason": "not allowed"}',
    "failed to fetch https://example.org/: 503",
    "HTTP 404: not found",
    '{"error": {"code": 400, "message": "bad date"}}',
    "ValueError: invalid literal for int()",
    "Invalid arguments: 'city' is required",
)

TOOL_RESULTS = (
    '{"error": null, "order": "4471-03"}',
    "0 errors found in 12 files.",
    '{"status": "ok", "weather": "rain"}',
    "Error handling in Python: use try and except, and name what you expect.",
    '{"results": [{"title": "How to fix error 404", "url": "https://example.org"}]}',
    "12 degrees, cloudy",
    '{"success": true}',
    "The build did not fail. All 233 tests passed.",
    '[{"id": 1, "message": "failed payments are retried"}]',
    '{"errors": [], "data": {"id": 3}}',
    "",
    "Failed banks of the thirties: a list with 40 entries.",
)

WRITINGS = (
    TOPICS[3].answer,
    TOPICS[6].answer,
    "The meeting has been moved to Thursday at ten because two of us are travelling. Please bring the figures of "
    "the last quarter, and tell Martha if you cannot come.",
    "Our new bicycle lamp lights the road for forty metres, weighs less than an apple, and charges in an hour. "
    "It comes in three colours, and fits every handlebar we have tried.",
    "def total(items):\n    result = 0\n    for item in items:\n        result += item.price\n    return result",
    "Sehr geehrte Frau Weber, vielen Dank für Ihre Nachricht. Ihr Rad ist ab Freitag in der Werkstatt abzuholen. "
    "Bitte bringen Sie den Beleg mit, dann geht es schneller.",
)
FRAMES = ("{}", "I changed it to:\n\n{}", "Here is my version: {}\n\nIs that better?", "```\n{}\n```\nok like this?",
          "{}\n\nPlease check the spelling.", "Ich habe es so geändert:\n{}", "> {}\n\nI'd put it like that.")  # fmt: skip
ASKS = ("Write it for me.", "Please draft that text.", "Can you write this up?", "Schreib mir das bitte.")
