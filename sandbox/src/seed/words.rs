//! What people write about their contacts: notes in several languages and moods, tasks, tags.

pub(crate) static NOTES_GOOD: &[&str] = &[
    "Great call! She loved the demo and wants to move forward this month.",
    "Very happy with the onboarding. Says our support team is fantastic and friendly.",
    "He was delighted with the quote and thanked us twice 🎉",
    "Renewed for another year, really pleased with the results so far.",
    "<p>Wonderful meeting today. They <strong>love</strong> the new dashboard &amp; want a second seat.</p>",
    "Referred two friends to us. An absolute pleasure to work with 😊",
    "<ul><li>Budget approved</li><li>Excited to start</li></ul>",
];

pub(crate) static NOTES_BAD: &[&str] = &[
    "Angry about the invoice. Says the charge is wrong and threatens to cancel.",
    "Third no-show in a row, very frustrating.",
    "Complained that the product is slow and support was rude. Terrible experience 😡",
    "Disappointed with the delay, wants a refund and a manager.",
    "<div>Unhappy with the contract: <em>&quot;too expensive and confusing&quot;</em>.<br>Lost deal, sadly.</div>",
    "Left voicemail, he hates being called during work. Do not disturb before 5 pm!",
];

pub(crate) static NOTES_PLAIN: &[&str] = &[
    "Left a voicemail.",
    "Sent the brochure by email, follow up next week.",
    "Moved to a new address, updated the record.",
    "Prefers SMS over email. Birthday in May.",
    "Imported from the trade fair list.",
    "Called at 10:15, asked for a price list > 3 items & delivery times.",
    "<p>Meeting notes: <a href=\"https://example.com/notes\">see the document</a></p>",
    "Asked whether the plan includes weekend support.",
];

pub(crate) static NOTES_OTHER: &[&str] = &[
    "Muy contento con el servicio, quiere ampliar el contrato. ¡Excelente cliente!",
    "Está molesto por la factura y pide que le devuelvan el dinero.",
    "Sehr zufrieden mit der Beratung, möchte im Frühjahr verlängern.",
    "Verärgert über die lange Wartezeit – bitte dringend zurückrufen.",
    "Ravie de la démonstration, elle adore l'application. À rappeler lundi.",
    "Déçu par le délai de livraison, menace d'annuler.",
    "Adorou o atendimento, vai indicar para os amigos 👏",
    "とても満足しているとのこと。来月もう一度連絡する。",
    "請求書の金額に不満があり、解約を検討中。",
    "客户非常满意，希望下周签合同。",
    "العميل سعيد جداً بالخدمة ويرغب في التجديد.",
    "ग्राहक सेवा से बहुत खुश हैं, अगले सप्ताह फिर बात करेंगे।",
    "Bardzo zadowolona z obsługi, prosi o fakturę do piątku.",
    "Дуже задоволений, просить надіслати договір.",
    "Molto delusa dal ritardo, vuole parlare con il responsabile.",
];

pub(crate) static TASKS: &[&str] = &[
    "Call back about the quote",
    "Send the contract",
    "Check payment",
    "Prepare the demo",
    "Birthday greeting 🎂",
    "Ask for a review",
    "Confirm the appointment",
    "Update the billing address",
];

pub(crate) static EVENTS: &[&str] =
    &["Discovery call", "Product demo", "Quarterly review", "Onboarding session", "Site visit"];

pub(crate) static TAGS: &[&str] = &[
    "newsletter",
    "hot lead",
    "vip",
    "customer",
    "webinar",
    "trial",
    "partner",
    "do-not-call",
    "black friday",
    "événement",
];

pub(crate) static COMPANIES: &[&str] = &[
    "Acme Pty Ltd",
    "Globex",
    "Initech GmbH",
    "Café Müller",
    "Wayne & Sons",
    "Hooli",
    "Umbrella S.A.",
    "Stark Industries",
];
